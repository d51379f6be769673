"""Voices made from a speaker's own speech."""

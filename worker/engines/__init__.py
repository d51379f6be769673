"""Providers behind the stages."""

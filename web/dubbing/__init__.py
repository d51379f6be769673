"""Dubbing over HTTP."""

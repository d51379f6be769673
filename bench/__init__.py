"""Measurements, each runnable, each printing a table."""

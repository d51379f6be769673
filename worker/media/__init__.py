"""Sound and picture."""

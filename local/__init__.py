"""The one-machine stack, and a client of it."""

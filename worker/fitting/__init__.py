"""Fitting the words to the room: how long a text takes, how long it may take, and what may be left out. Pure."""

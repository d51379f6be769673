"""Languages over HTTP."""

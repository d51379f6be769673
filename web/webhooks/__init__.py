"""Customer webhooks over HTTP."""

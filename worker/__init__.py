"""The worker environment: runs jobs."""

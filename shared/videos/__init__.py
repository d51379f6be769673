"""Videos: upload, probe, describe, delete."""

"""Dubbing: the job state machine, a job's life, transcripts."""

"""Customer webhooks: users are told at an address of theirs that a job is over."""

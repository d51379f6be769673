"""Accounts: passwords and users."""

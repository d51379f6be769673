"""What is measured: a talk of any length, and the standard lines."""

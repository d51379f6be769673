"""Speech and background apart."""

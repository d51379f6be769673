"""Speech to words, and times for words that are known."""

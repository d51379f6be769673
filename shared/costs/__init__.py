"""What providers are paid for: each call, its price, and the sums operators look at."""

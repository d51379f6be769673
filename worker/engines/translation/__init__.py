"""Text from one language into another."""

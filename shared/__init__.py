"""What both tiers know: the domain."""

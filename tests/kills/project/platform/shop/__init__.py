"""A small shop, whose refresh is killed at every step."""

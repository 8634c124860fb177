"""Models: what is learned from features, kept with what it saw, and judged before it replaces another."""

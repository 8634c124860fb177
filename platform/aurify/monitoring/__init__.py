"""Monitoring: what batches look like beside the rows that a model learned from, and when that is worth an alert."""

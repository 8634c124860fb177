"""Scores: how the rows of a table are scored by a model's versions, each once, and what is decided by them."""

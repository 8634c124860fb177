"""Benchmarks: programs that measure Aurify and its rivals, their results as JSON, and one page that tells of them."""

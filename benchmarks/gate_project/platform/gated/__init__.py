"""One table behind a gate, for the benchmark `gate`."""

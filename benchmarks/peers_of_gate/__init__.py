"""The rules of the benchmark `gate` in other libraries: one module each, run by that library's own Python."""

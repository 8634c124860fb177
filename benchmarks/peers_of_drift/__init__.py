"""The peer of the benchmark `drift`, in a virtual environment of its own."""

"""`python -m tests.cluster.watch STATE`: end recorded daemons when the process that started them is gone."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.cluster.processes import end_daemons

if __name__ == "__main__":
    # The input ends with the process that holds it, however that one ends.
    sys.stdin.buffer.read()
    end_daemons(Path(sys.argv[1]))

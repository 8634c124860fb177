"""`python -m tests.cluster.bound COMMAND ...`: a server that ends with the process that started it, however that ends.

The command has a process group of its own, so that all that it starts ends with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

REPOSITORY = Path(__file__).parents[2]
ENDS_WITHIN_S = 20


class Bound:
    """A server as a context; what it writes goes to a file."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command, self.log = command, log

    def __enter__(self) -> Bound:
        """Start it; whether it serves is for others to find out."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster.bound", *self._command],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self._process.communicate(timeout=2 * ENDS_WITHIN_S)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


def main(command: Sequence[str]) -> int:
    """Run the command until it ends, or until the input does: with the process that holds its other end."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_input, args=[server.pid], daemon=True).start()
    code = server.wait()
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    return code


def _end_with_input(group: int) -> None:
    sys.stdin.buffer.read()
    os.killpg(group, signal.SIGTERM)
    threading.Event().wait(ENDS_WITHIN_S)
    os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

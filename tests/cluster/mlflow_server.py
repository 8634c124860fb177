"""A real MLflow server: runs in SQLite, artifacts in a folder, handed on by the server."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from urllib.error import URLError

from tests.cluster.bound import Bound
from tests.cluster.ports import LOOPBACK, claim_ports
from tests.cluster.rest import get_text

STARTS_WITHIN_S = 120


class MlflowServer:
    """A server that listens on an address of this machine: of loopback, or of a network that containers are on."""

    def __init__(self, home: Path, host: str = LOOPBACK) -> None:
        self._home, self._host = home, host
        self._held = ExitStack()

    def __enter__(self) -> MlflowServer:
        """Start it, and wait until it answers."""
        with ExitStack() as stack:
            claimed = claim_ports(["mlflow"])
            stack.callback(claimed.claim.close)
            self.uri = f"http://{self._host}:{claimed.by_name['mlflow']}"
            server = stack.enter_context(Bound(self._command(claimed.by_name["mlflow"]), self._home / "mlflow.log"))
            self._wait(server)
            self._held = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it."""
        self._held.close()

    def _command(self, port: int) -> list[str]:
        home = self._home
        return [
            *("env", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"),  # three more processes, for what nobody asks here
            *(sys.executable, "-m", "mlflow", "server", "--host", self._host, "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{home}/runs.db", "--artifacts-destination", str(home / "artifacts")),
        ]

    def _wait(self, server: Bound) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                get_text(f"{self.uri}/health")
            except (URLError, OSError):
                assert server.runs, server.log.read_text()
                assert time.monotonic() < until, server.log.read_text()
                time.sleep(0.3)
            else:
                return

"""An application on a cluster, as every kind of cluster tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """How an application ended: the exit code of the program, and what the cluster says of a failure."""

    exit_code: int
    said: str


@dataclass(frozen=True)
class Application:
    """One application. `outcome` is None until it has ended; `diagnostics` tells what it waits for.

    `is_hopeless`: it waits for what no time brings.
    """

    id: str
    name: str
    state: str
    started_ms: int
    ended_ms: int | None
    place: str
    diagnostics: str
    is_running: bool
    outcome: Outcome | None
    owner: str = ""
    is_hopeless: bool = False

    def as_dict(self) -> Mapping[str, Any]:
        """For `--json`."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "started_ms": self.started_ms,
            "ended_ms": self.ended_ms,
            "place": self.place,
            "diagnostics": self.diagnostics,
            "exit_code": None if self.outcome is None else self.outcome.exit_code,
        }

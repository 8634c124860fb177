"""What a run did, for people and for `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aurify.errors import AurifyError
from aurify.publish.balance import Balance
from aurify.quality import RuleResult
from aurify.sources import FileProblem

Outcome = Literal["done", "nothing new", "failed", "skipped", "waiting"]


@dataclass
class BatchReport:
    """One published batch: its balance, and the rules that rows failed."""

    generation: int
    number: int
    attempt: str
    state: str
    committed: str
    version: int
    balance: Balance
    rules: Sequence[RuleResult] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        failed = {r.id: r.failed for r in self.rules if r.failed}
        return {
            "generation": self.generation,
            "batch": self.number,
            "state": self.state,
            "committed": self.committed,
            "version": self.version,
            "balance": self.balance.as_dict(),
            "failed_rules": failed,
            "seconds": round(self.seconds, 3),
        }


@dataclass
class TableReport:
    """What a run did to one table."""

    table: str
    outcome: Outcome = "nothing new"
    batches: list[BatchReport] = field(default_factory=list)
    files: list[FileProblem] = field(default_factory=list)
    error: AurifyError | None = None
    because: str = ""

    @property
    def exit_code(self) -> int:
        """0, or what went wrong."""
        if self.error is not None:
            return self.error.exit_code
        return 1 if self.files else 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "table": self.table,
            "outcome": self.outcome,
            "because": self.because,
            "batches": [b.as_dict() for b in self.batches],
            "files_left_out": [vars(f) for f in self.files],
            "error": self.error.render() if self.error else None,
        }


@dataclass
class RunReport:
    """One run over the selected tables."""

    run: str
    tables: Mapping[str, TableReport]
    interrupted: bool = False
    error: AurifyError | None = None  # of the run itself, after its tables

    @property
    def exit_code(self) -> int:
        """0 done, else the gravest: 3 the environment, 2 the configuration, 1 the data; 130 when interrupted."""
        if self.interrupted:
            return 130
        codes = [table.exit_code for table in self.tables.values()]
        return max([*codes, self.error.exit_code if self.error else 0])

    @property
    def errors(self) -> list[AurifyError]:
        """What went wrong, table by table, and last in the run itself."""
        found = [*(table.error for table in self.tables.values()), self.error]
        return [error for error in found if error is not None]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run": self.run,
            "exit_code": self.exit_code,
            "interrupted": self.interrupted,
            "error": self.error.render() if self.error else None,
            "tables": [t.as_dict() for t in self.tables.values()],
        }

"""One run: its name, its reports, and who is told about every step."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from aurify.errors import AurifyError
from aurify.publish.ledger import OpenLedger
from aurify.publish.publication import Attempt
from aurify.quality import RuleResult
from aurify.workflows.report import BatchReport, RunReport, TableReport

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


@dataclass(frozen=True)
class Step:
    """A step of a run that is done: of which table and batch, and how long after the run began, in seconds."""

    run: str
    table: str
    batch: str
    name: str
    seconds: float


Listener = Callable[[Step], None]


def quiet(step: Step) -> None:
    """Tell nobody."""


class Run:
    """The state of one run while it works."""

    def __init__(self, lake: Lake, names: Sequence[str], listen: Listener = quiet) -> None:
        self.lake = lake
        self.started = datetime.now(timezone.utc)
        self.id = f"{self.started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
        self.names = list(names)
        self.report = RunReport(self.id, {name: TableReport(name) for name in names})
        self.attempts: list[Attempt] = []
        self.settled: set[str] = set()  # tables whose batches all stood in the ledger, while this run has begun none
        self._begun: dict[str, float] = {}
        self._listen = listen
        self._tries = itertools.count(1)
        self._clock = time.monotonic()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.told("", "", "ended")

    def told(self, table: str, batch: str, name: str) -> None:
        """Tell the listener that a step is done."""
        self._listen(Step(self.id, table, batch, name, time.monotonic() - self._clock))

    def recorded(self, table: str) -> tuple[int, int]:
        """Generation and number of the newest batch of a table that stood in the ledger when it was first asked."""
        return min(ledger.newest(table) for ledger in self._ledgers)

    @cached_property
    def _ledgers(self) -> tuple[OpenLedger, OpenLedger]:
        return self.lake.batches_ledger.opened(), self.lake.rules_ledger.opened()

    def report_of(self, table: str) -> TableReport:
        """The report of one table."""
        return self.report.tables[table]

    def now(self) -> str:
        """The time, in UTC, as the batch log writes it."""
        return datetime.now(timezone.utc).isoformat(timespec="milliseconds")

    def next_attempt(self) -> str:
        """The name of the next try at a batch, unlike that of any other try of any run."""
        return f"{self.id}-{next(self._tries)}"

    def began(self, attempt: Attempt) -> None:
        """Note when an attempt began; its table has something to settle."""
        self.settled.discard(attempt.target.name)
        self._begun[attempt.id] = time.monotonic()

    def failed(self, table: str, error: AurifyError) -> None:
        """Note that a table did not succeed; its first error stands."""
        report = self.report_of(table)
        report.error = report.error or error
        report.outcome = "failed"

    def published(self, attempt: Attempt, results: Sequence[RuleResult]) -> None:
        """Note what an attempt published."""
        assert attempt.commit is not None
        report = self.report_of(attempt.target.name)
        report.outcome = "done"
        self.attempts.append(attempt)
        report.batches.append(
            BatchReport(
                attempt.batch.generation,
                attempt.batch.number,
                attempt.id,
                str(attempt.note["state"]),
                str(attempt.note["committed"]),
                attempt.commit.version,
                attempt.balance,
                results,
                time.monotonic() - self._begun[attempt.id],
            )
        )

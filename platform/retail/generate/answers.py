"""What refreshed tables must report and hold, by the generator's own count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from retail.generate.draws import Flags
from retail.generate.faults import BRONZE, FAULTS, SILVER
from retail.generate.lines import NO_CUSTOMER, NO_FAULT, Lines
from retail.generate.schedule import Delivery

FILES = "files"
"""Stands for a table in the answer on a file that enters no batch."""

_KEPT_OUT = np.array([fault.verdict != "warn" for fault in FAULTS])
_ANSWERS, _DELIVERIES, _EXPECTED = "pos_lines.jsonl", "deliveries.jsonl", "expected.json"


@dataclass(frozen=True)
class Totals:
    """What the lines of a file add to silver.pos_lines; lines that are repeated or kept out add nothing."""

    rows: int = 0
    cancelled: int = 0
    known_customers: int = 0
    units: int = 0
    cents: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def of(cls, lines: Lines) -> Totals:
        """The totals of lines of one file."""
        added = lines.where(is_published(lines) & ~lines.repeated)
        known = int((added.customer != NO_CUSTOMER).sum())
        units, cents = int(added.quantity.sum()), int((added.quantity * added.cents).sum())
        return cls(len(added), int(added.cancelled.sum()), known, units, cents)


@dataclass(frozen=True)
class Landed:
    """One delivery as it was written; `removed` counts published lines that a correction took away."""

    file: str
    delivery: int
    delivered_at: str
    lines: int
    totals: Totals
    removed: int


@dataclass(frozen=True)
class Answer:
    """One planted fault: where it must be found, by exactly which rules, and what becomes of the row."""

    table: str
    file: str
    row: int | None
    delivery: int
    delivered_at: str
    fault: str
    rules: tuple[str, ...]
    verdict: str

    @classmethod
    def of(cls, delivery: Delivery, row: int, number: int) -> Answer:
        """The answer on a line; rows count from 1."""
        fault, at = FAULTS[number], stamp(delivery.delivered_at)
        return cls(fault.table, delivery.file, row, delivery.number, at, fault.name, fault.rules, fault.verdict)

    @classmethod
    def on_file(cls, file: str, kind: str, delivered_at: datetime) -> Answer:
        """The answer on a file that can't be read."""
        return cls(FILES, file, None, 1, stamp(delivered_at), kind, (), "left out")


@dataclass(frozen=True)
class Record:
    """All that has landed in a folder so far, and the faults in it."""

    deliveries: tuple[Landed, ...] = ()
    answers: tuple[Answer, ...] = ()

    def before(self, day: date) -> Record:
        """What landed before a day."""
        deliveries = tuple(d for d in self.deliveries if d.delivered_at < day.isoformat())
        return Record(deliveries, tuple(a for a in self.answers if a.delivered_at < day.isoformat()))

    def __add__(self, later: Record) -> Record:
        return Record(self.deliveries + later.deliveries, self.answers + later.answers)

    def expected(self) -> dict[str, dict[str, int | str]]:
        """What the tables hold after each landing was refreshed: `rows` that readers see, rows kept out so far."""
        standing = {d.file: d.totals for d in sorted(self.deliveries, key=lambda d: d.delivery)}
        silver = sum(standing.values(), Totals())
        bronze_out = {verdict: self._count(BRONZE, verdict) for verdict in ("quarantine", "drop")}
        landed = sum(d.lines for d in self.deliveries)
        amount = str(Decimal(silver.cents) / 100)
        return {
            BRONZE: {"rows": landed - sum(bronze_out.values()), **bronze_out},
            SILVER: {
                "rows": silver.rows,
                "removed": sum(d.removed for d in self.deliveries),
                "quarantine": self._count(SILVER, "quarantine"),
                "cancelled": silver.cancelled,
                "known_customers": silver.known_customers,
                "units": silver.units,
                "amount": amount,
            },
            "gold.daily_sales": {"lines": silver.rows, "units": silver.units, "net_amount": amount},
        }

    def _count(self, table: str, verdict: str) -> int:
        return sum(1 for a in self.answers if (a.table, a.verdict) == (table, verdict))

    def write(self, folder: Path) -> None:
        """Keep it as text: answers, deliveries, and what is expected."""
        folder.mkdir(parents=True, exist_ok=True)
        _write_lines(folder / _ANSWERS, self.answers)
        _write_lines(folder / _DELIVERIES, self.deliveries)
        (folder / _EXPECTED).write_text(json.dumps(self.expected(), indent=2) + "\n", encoding="UTF-8")

    @classmethod
    def read(cls, folder: Path) -> Record:
        """What an earlier landing kept; empty where there was none."""
        deliveries = [{**d, "totals": Totals(**d["totals"])} for d in _read_lines(folder / _DELIVERIES)]
        answers = [{**a, "rules": tuple(a["rules"])} for a in _read_lines(folder / _ANSWERS)]
        return cls(tuple(Landed(**d) for d in deliveries), tuple(Answer(**a) for a in answers))


def is_published(lines: Lines) -> Flags:
    """Which lines pass the gates of bronze and silver."""
    kept_out: Flags = (lines.fault != NO_FAULT) & _KEPT_OUT[lines.fault]
    return ~kept_out


def planted(lines: Lines) -> list[tuple[int, int]]:
    """The faults among lines: place, counted from 0, and number in `FAULTS`."""
    at = np.flatnonzero(lines.fault != NO_FAULT)
    return list(zip(at.tolist(), lines.fault[at].tolist(), strict=True))


def stamp(moment: datetime) -> str:
    """A moment as answers say it."""
    return moment.isoformat()


def _write_lines(path: Path, records: Sequence[Answer | Landed]) -> None:
    path.write_text("".join(f"{json.dumps(asdict(r))}\n" for r in records), encoding="UTF-8")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="UTF-8").splitlines()]

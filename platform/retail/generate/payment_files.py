"""Files of card payments and of what became known of them, a file a day, and the answers to both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retail.generate.landing import write_file
from retail.generate.payments import (
    AMOUNT_NEGATIVE,
    FAULTS,
    HONEST,
    KNOWN_AFTER,
    KNOWN_LATE,
    NO_FAULT,
    TERMINAL_MISSING,
    TIME_MISSING,
    Cards,
    Payments,
    payments_of,
)

PAYMENTS, REPORTS = "card_payments", "fraud_reports"
_ARRIVES = timedelta(days=1, hours=2)
_NANOS = 1_000_000_000
_ANSWERS = "card_payments.json"


@dataclass(frozen=True)
class PaymentAnswers:
    """What the tables must hold: payments that pass, those that don't by their fault, and frauds by pattern.

    `frauds` are those made, `reported` those known by now, honest ones as pattern 0; `bad` names the payments with
    a fault by their id.
    """

    payments: int = 0
    frauds: dict[str, int] = field(default_factory=dict)
    reported: dict[str, int] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)

    def expected(self) -> dict[str, dict[str, int | str]]:
        """What the silver tables hold."""
        told = {"rows": sum(self.reported.values()), "frauds": sum(self.reported.values()) - self.reported.get("0", 0)}
        return {
            "silver.card_payments": {"rows": self.payments, "quarantine": len(self.bad)},
            "silver.fraud_reports": {**told},
        }


def land_payments(root: Path, cards: Cards, first: int, landed: int, days: int) -> PaymentAnswers:
    """Write what arrives of the days from `landed` up to `days`; gives the answers to all days from `first` on."""
    for folder in (PAYMENTS, REPORTS):
        (root / folder).mkdir(parents=True, exist_ok=True)
    payments: dict[str, int] = {}
    reported: dict[str, int] = {}
    bad: dict[str, str] = {}
    whole = 0
    for day in range(first, days):
        made = payments_of(cards, day)
        known = [(past, _known(cards, past, after)) for past, after in _looked_into(first, day)]
        whole += int((made.fault == NO_FAULT).sum())
        _count(payments, made.scenario)
        bad |= {str(made.id[at]): FAULTS[made.fault[at]] for at in np.flatnonzero(made.fault != NO_FAULT).tolist()}
        for _, found in known:
            _count(reported, found.scenario)
        if day >= landed and len(made):
            _write(root / PAYMENTS, cards, day, _payment_table(cards, day, made))
            if known:
                tables = [_report_table(cards, past, found) for past, found in known]
                _write(root / REPORTS, cards, day, pa.concat_tables(tables))
    frauds = {pattern: count for pattern, count in payments.items() if pattern != str(HONEST)}
    answers = PaymentAnswers(whole, frauds, reported, bad)
    (root / "answers").mkdir(exist_ok=True)
    (root / "answers" / _ANSWERS).write_text(json.dumps(answers.__dict__, indent=1) + "\n", encoding="UTF-8")
    return answers


def _looked_into(first: int, day: int) -> list[tuple[int, int]]:
    """The days whose payments became known on a day, and after how many days."""
    return [(day - after, after) for after in (KNOWN_LATE, KNOWN_AFTER) if day - after >= first]


def _known(cards: Cards, past: int, after: int) -> Payments:
    made = payments_of(cards, past)
    return made.where(made.known_after == after)


def _count(counts: dict[str, int], scenarios: Any) -> None:
    for scenario, count in zip(*np.unique(scenarios, return_counts=True), strict=True):
        counts[str(scenario)] = counts.get(str(scenario), 0) + int(count)


def _moments(cards: Cards, day: int, seconds: Any) -> Any:
    """Nanoseconds since 1970."""
    midnight = datetime.combine(cards.day(day), time(), timezone.utc)
    return (int(midnight.timestamp()) + seconds) * _NANOS


def _times(moments: Any, missing: Any = None) -> pa.Array:
    return pa.array(moments, pa.int64(), mask=missing).cast(pa.timestamp("ns"))


def _payment_table(cards: Cards, day: int, made: Payments) -> pa.Table:
    cents = np.where(made.fault == AMOUNT_NEGATIVE, -made.cents, made.cents)
    return pa.table(
        {
            "TRANSACTION_ID": made.id,
            "TX_DATETIME": _times(_moments(cards, day, made.second), made.fault == TIME_MISSING),
            "CUSTOMER_ID": made.customer,
            "TERMINAL_ID": pa.array(made.terminal, mask=made.fault == TERMINAL_MISSING),
            "TX_AMOUNT": cents / 100,
        }
    )


def _report_table(cards: Cards, day: int, made: Payments) -> pa.Table:
    paid = _moments(cards, day, made.second)
    return pa.table(
        {
            "TRANSACTION_ID": made.id,
            "TX_DATETIME": _times(paid),
            "TX_FRAUD": (made.scenario != HONEST).astype(np.int64),
            "TX_FRAUD_SCENARIO": made.scenario,
            "REPORTED_AT": _times(paid + made.known_after * 86_400 * _NANOS),
        }
    )


def _write(folder: Path, cards: Cards, day: int, rows: pa.Table) -> None:
    """The file of a day, whole or not at all, with the time of its delivery."""
    content = pa.BufferOutputStream()
    pq.write_table(rows, content, version="2.6")
    delivered = datetime.combine(cards.day(day), time(), timezone.utc) + _ARRIVES
    write_file(folder / f"{cards.day(day).isoformat()}.parquet", content.getvalue().to_pybytes(), delivered)

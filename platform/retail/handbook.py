"""The Fraud Detection Handbook's days as the two streams that a company has: payments, and what became known of them.

`python -m retail.handbook SOURCE OUT` writes OUT/card_payments and OUT/fraud_reports.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

KNOWN_AFTER = timedelta(days=7)
PAYMENT = ("TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT")
REPORT = ("TRANSACTION_ID", "TX_DATETIME", "TX_FRAUD", "TX_FRAUD_SCENARIO")


def split(files: Sequence[Path], out: Path) -> int:
    """Write the payments of every day as a file, and its labels as the file of a week later; gives the payments."""
    payments = 0
    for file in files:
        rows, day = pq.read_table(file), date.fromisoformat(file.stem)
        _write(out / "card_payments", day, rows.select(PAYMENT))
        known = pc.add(rows["TX_DATETIME"], pa.scalar(KNOWN_AFTER, pa.duration("ns")))
        _write(out / "fraud_reports", day + KNOWN_AFTER, rows.select(REPORT).append_column("REPORTED_AT", known))
        payments += rows.num_rows
    return payments


def _write(folder: Path, day: date, rows: pa.Table) -> None:
    """The file of a day, as it is delivered in the next night."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{day.isoformat()}.parquet"
    pq.write_table(rows.replace_schema_metadata(None), path, version="2.6")
    delivered = datetime.combine(day, time(2), timezone.utc) + timedelta(days=1)
    os.utime(path, (delivered.timestamp(),) * 2)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    print(f"{split(sorted(source.glob('*.parquet')), target):,} payments")

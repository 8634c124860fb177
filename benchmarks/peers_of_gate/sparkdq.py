"""sparkdq: one engine of twelve checks, which gives a frame of good rows and one of bad rows."""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession
from sparkdq.engine import BatchDQEngine
from sparkdq.management import CheckSet

from benchmarks.gate_shapes import CODES
from benchmarks.meter import Meter
from benchmarks.peers_of_gate.tables import append, told

BOTH = [True, True]
CHECKS: dict[str, dict[str, Any]] = {
    "order_id_there": {"check": "null-check", "columns": ["order_id"]},
    "order_id_shape": {"check": "regex-match-check", "column": "order_id", "pattern": r"^O\d{9}$"},
    "customer_there": {"check": "null-check", "columns": ["customer_id"]},
    "country_length": {"check": "string-length-between-check", "column": "country", "min-length": 2, "max-length": 2},
    "country_known": {"check": "is-contained-in-check", "allowed-values": {"country": list(CODES)}},
    "status_known": {"check": "is-contained-in-check", "allowed-values": {"status": ["new", "paid", "sent", "back"]}},
    "amount_range": {
        "check": "numeric-between-check", "columns": ["amount"], "min-value": 0, "max-value": 10000, "inclusive": BOTH,
    },
    "amount_there": {"check": "null-check", "columns": ["amount"]},
    "quantity_range": {
        "check": "numeric-between-check", "columns": ["quantity"], "min-value": 1, "max-value": 1000, "inclusive": BOTH,
    },
    "amount_covers": {
        "check": "column-greater-than-check", "column": "amount", "limit": "quantity", "inclusive": True,
    },
    "email_shape": {"check": "regex-match-check", "column": "email", "pattern": r"^[^@ ]+@[^@ ]+\.[a-z]{2,}$"},
    "ordered_range": {
        "check": "timestamp-between-check", "columns": ["ordered_at"], "min-value": "2020-01-01 00:00:00",
        "max-value": "2030-01-01 00:00:00", "inclusive": BOTH,
    },
}  # fmt: skip


def run(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """The small table first, then the measured one."""
    for name in ("warm", "measured"):
        good, bad = f"{warehouse}/{name}/good", f"{warehouse}/{name}/bad"
        with meter.section("warm" if name == "warm" else "work"):
            _load(spark, f"{sources}/{name}/orders", good, bad)
    read = spark.read.format("delta").load
    return {"work": told(read(good), read(bad), "_dq_errors.`check-id`")}


def _load(spark: SparkSession, source: str, good: str, bad: str) -> None:
    checks = CheckSet()
    checks.add_checks_from_dicts([{"check-id": rule, **check} for rule, check in CHECKS.items()])
    result = BatchDQEngine(checks).run_batch(spark.read.parquet(source))
    append(result.pass_df(), good)
    append(result.fail_df(), bad)

"""The two Delta tables of a peer: writing them, and reading what was found."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame


def append(rows: DataFrame, path: str) -> None:
    """As one Delta table."""
    rows.write.format("delta").mode("append").save(path)


def told(good: DataFrame, bad: DataFrame, rules: str) -> dict[str, Any]:
    """How many rows are good and bad, and how many each rule found; `rules` is the SQL of a bad row's array of them."""
    found = bad.selectExpr(f"explode({rules}) AS rule").groupBy("rule").count().collect()
    return {"good": good.count(), "bad": bad.count(), "rules": {row["rule"]: row["count"] for row in found}}

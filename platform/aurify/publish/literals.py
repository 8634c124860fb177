"""Small frames of rows that the driver holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def literal_rows(session: SparkSession, rows: Sequence[Mapping[str, object]], columns: str) -> DataFrame:
    """The rows as a literal: a frame made of Python rows would cost a Spark job more."""
    from pyspark.sql import functions as F

    text = json.dumps([dict(row) for row in rows])
    kind = ", ".join(column.strip().replace(" ", ": ", 1) for column in columns.split(","))
    return session.range(1).select(F.inline(F.from_json(F.lit(text), f"array<struct<{kind}>>")))

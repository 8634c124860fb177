"""What feature views know of rows: by their keys, or as of the rows' time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.features.view import FeatureView
from aurify.joins import as_of_join
from aurify.tables.spec import TableSpec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def view_of(spec: TableSpec) -> FeatureView:
    """The declaration of a table that is a feature view."""
    assert spec.view is not None
    return spec.view


def with_view(
    rows: DataFrame, facts: DataFrame, spec: TableSpec, time: str, tolerance: timedelta | None = None
) -> DataFrame:
    """The rows with what a view knows of them: by its keys if they have them, else by its entity as of their `time`.

    Of the view's columns those that the rows lack; NULL where it knows nothing, or only what came later.
    """
    from pyspark.sql import functions as F

    view = view_of(spec)
    by = spec.keys if set(spec.keys) <= set(rows.columns) else view.entity
    taken = [name for name in spec.schema.names if name not in rows.columns]
    if by != spec.keys:
        return as_of_join(
            rows,
            facts,
            on=list(by),
            time=time,
            event_time=view.event_time,
            columns=taken,
            order_by=list(spec.keys),
            tolerance=tolerance,
        )
    seen = F.col(quoted(view.event_time)).alias("_aurify_seen")
    known = facts.select(*map(quoted, by), seen, F.struct(*map(quoted, taken)).alias("_aurify_view"))
    both = rows.join(known, list(by), "left")
    is_known = F.col("_aurify_seen") <= F.col(quoted(time))
    values = [F.when(is_known, F.col(f"_aurify_view.{quoted(name)}")).alias(name) for name in taken]
    return both.select(*map(quoted, rows.columns), *values)

"""Expectations against a table's own history, which Great Expectations has none of: volume, freshness, distribution.

`history` holds what was found in earlier batches, by role, oldest first; with too few of them a rule is not
applicable.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import types as T

from aurify.quality.result import Judgement
from aurify.quality.row_rules.domain import Types
from aurify.quality.table_rules import arguments as arg
from aurify.quality.table_rules.arguments import duration
from aurify.quality.table_rules.measures import Found, Measure, each, over_column, over_rows
from aurify.quality.table_rules.registry import Registry, Traits, Whole
from aurify.quality.table_rules.stability import VALUES_KEPT, quantile_shares, stability_index, value_shares

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

HISTORY = Registry()

# The standard deviation of a normal distribution, in median absolute deviations.
NORMAL = 1.4826


def of_time(types: Types) -> str:
    """Dates and moments."""
    known = T.DateType | T.TimestampType
    return "" if all(isinstance(kind, known) for kind in types) else "a column of dates or moments"


def told_apart(types: Types) -> str:
    """Numbers, text and booleans, which a ledger can keep."""
    known = T.IntegralType | T.FractionalType | T.StringType | T.BooleanType
    kept = all(isinstance(kind, known) and not isinstance(kind, T.DecimalType) for kind in types)
    return "" if kept else "a column of whole or floating numbers, text or booleans"


@HISTORY.of_history(
    "expect_table_row_count_to_be_near_history",
    "there are about as many rows as in earlier batches",
    lambda rule, found: {"rows": over_rows(rule, "row_count")},
    Traits(over=Whole.TABLE, is_ours=True),
    batches=arg.NATURAL,
    min_batches=arg.NATURAL,
    tolerance=arg.FACTOR,
    slack=arg.SHARE,
)
def has_usual_volume(
    found: Found, batches: int = 10, min_batches: int = 5, tolerance: float = 3.0, slack: float = 0.1
) -> Judgement | None:
    """Within `tolerance` robust standard deviations of the median of the last `batches` batches.

    A robust standard deviation is 1.4826 median absolute deviations (Leys et al. 2013). The band is never narrower
    than the share `slack` of the median: of batches that are all alike, the deviation is 0.
    """
    rows: Any = found["rows"]
    earlier = [batch["rows"] for batch in _last(found, batches)]
    if len(earlier) < min_batches:
        return None
    middle = statistics.median(earlier)
    deviation = NORMAL * statistics.median(abs(count - middle) for count in earlier)
    reach = max(tolerance * deviation, slack * middle)
    details = {"median": middle, "low": middle - reach, "high": middle + reach, "batches": len(earlier)}
    return Judgement(abs(rows - middle) <= reach, rows, details)


@HISTORY.measured(
    "expect_column_max_to_be_recent",
    "the latest {column} is at most {max_age} before the batch",
    lambda rule, found: {"latest": over_column(rule, "max"), "at": Measure("batch_time")},
    Traits(wants=of_time, is_ours=True),
    max_age=arg.THE_DURATION,
)
def is_fresh(found: Found, max_age: str) -> Judgement:
    """A date is its first moment, in UTC; a column without values is not recent."""
    latest, at = found["latest"], found["at"]
    if not isinstance(latest, date) or not isinstance(at, datetime):
        return Judgement(False)
    moment = latest if isinstance(latest, datetime) else datetime.combine(latest, time())
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    return Judgement(at - aware <= duration(max_age), latest, {"batch_time": at})


def _distribution(rule: Rule, found: Found) -> Mapping[str, Measure]:
    wanted = each(rows="row_count", nulls="null_count")(rule, found)
    if rule.kwargs["told_by"] == "quantiles":
        return {**wanted, "quantiles": over_column(rule, "quantile_sketch")}
    return {**wanted, "values": over_column(rule, "most_common", VALUES_KEPT, ())}


@HISTORY.of_history(
    "expect_column_distribution_to_be_near_history",
    "{column} is distributed about as in earlier batches",
    _distribution,
    Traits(wants=told_apart, is_ours=True),
    told_by=arg.TOLD_BY,
    threshold=arg.FACTOR,
    batches=arg.NATURAL,
    min_batches=arg.NATURAL,
)
def is_distributed_as_usual(
    found: Found, told_by: str, threshold: float = 0.25, batches: int = 10, min_batches: int = 5
) -> Judgement | None:
    """The population stability index against the mean of the last batches is at most the threshold.

    Told by the shares of the most common values, or by the shares between quantiles; NULL has a share of its own.
    Below 0.1 nothing has moved, above 0.25 much has (Siddiqi 2006).
    """
    earlier = [batch for batch in _last(found, batches) if batch["rows"]]
    if len(earlier) < min_batches or not found["rows"]:
        return None
    shares_of = quantile_shares if told_by == "quantiles" else value_shares
    expected, observed = shares_of(earlier, found)
    index = stability_index(list(expected.values()), [observed[name] for name in expected])
    return Judgement(index <= threshold, index, {"expected": expected, "observed": observed, "batches": len(earlier)})


def _last(found: Found, batches: int) -> Sequence[Mapping[str, Any]]:
    history: Any = found["history"]
    return list(history)[-batches:]

"""What each feature is like before any model has seen it, and what it tells of the label by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError
from aurify.models.selection.chi_square import dependence, refuse_without_scipy
from aurify.models.selection.information import information_value, of_bins
from aurify.models.selection.labelled import Labelled
from aurify.models.selection.moments import Moments, read
from aurify.models.selection.tables import Table, tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WHERE = "feature_report"


@dataclass(frozen=True)
class FeatureReport:
    """A feature before modelling; None is what its values do not define, as the mean of a text.

    `missing` is a share of the rows; `distinct` is exact for a text and below 1,024, else within about 3 %.
    `correlation` is Pearson's with the label, over the rows that have the feature. Where the last three are 0, 1 and 0
    the feature has one bin alone.
    """

    feature: str
    missing: float
    distinct: int
    mean: float | None
    deviation: float | None
    correlation: float | None
    information_value: float
    chi_square_p: float
    cramers_v: float


def feature_report(rows: DataFrame, features: Sequence[str], label: str, bins: int = 10) -> tuple[FeatureReport, ...]:
    """The report of each feature in their order; the label is 0 or 1, or a boolean.

    Two passes over the rows, and one more if any feature is a text; the driver gets counts of bins.
    """
    problems = of_bins(WHERE, bins)
    if problems:
        raise ConfigurationError(WHERE, problems)
    refuse_without_scipy(WHERE)
    frame = Labelled(WHERE, rows, tuple(features), label)
    seen = read(frame)
    moments = dict(zip(frame.numbers, seen.moments, strict=True))
    return tuple(_report(name, table, moments.get(name)) for name, table in tables(frame, seen, bins).items())


def _report(name: str, table: Table, moments: Moments | None) -> FeatureReport:
    test = dependence(table)
    return FeatureReport(
        feature=name,
        missing=table.missing / int(table.rows.sum()),
        distinct=moments.distinct if moments else table.distinct or 0,
        mean=moments.mean if moments else None,
        deviation=moments.deviation if moments else None,
        correlation=moments.correlation if moments else None,
        information_value=information_value(table),
        chi_square_p=test.p_value,
        cramers_v=test.cramers_v,
    )

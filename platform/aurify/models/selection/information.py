"""How much a feature tells of a binary label, as score cards measure it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import ConfigurationError, Problem
from aurify.models.selection.labelled import Labelled
from aurify.models.selection.moments import read
from aurify.models.selection.tables import MOST_BINS, Table, tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def information_values(rows: DataFrame, features: Sequence[str], label: str, bins: int = 10) -> dict[str, float]:
    """The information value of each feature, 0 or more, in two passes over the rows, three if one is a text.

    A number is cut into bins of about as many rows each, of a text the 100 commonest values are a bin each; the rows
    without it are a bin too. Below 0.02 it tells nothing, above 0.3 much (Siddiqi 2006).
    """
    problems = of_bins("information_values", bins)
    if problems:
        raise ConfigurationError("information_values", problems)
    frame = Labelled("information_values", rows, tuple(features), label)
    found = tables(frame, read(frame), bins)
    return {name: information_value(table) for name, table in found.items()}


def information_value(table: Table) -> float:
    """The sum over bins of the difference of shares times the weight of evidence.

    Where a bin has no positive or no negative, every count of the feature is half a row more.
    """
    negatives = table.rows - table.positives
    half = 0.0 if table.positives.all() and negatives.all() else 0.5
    good, bad = negatives + half, table.positives + half
    good, bad = good / good.sum(), bad / bad.sum()
    return float(np.sum((bad - good) * np.log(bad / good)))


def of_bins(where: str, bins: int) -> list[Problem]:
    """What is wrong with a number of bins."""
    return [] if 2 <= bins <= MOST_BINS else [Problem(where, f"{bins} bins", f"2 to {MOST_BINS}")]

"""The correlation of every feature with every other, from sums of products that each partition makes as matrices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aurify.models.columns import Numbers
from aurify.models.selection.labelled import numbers_of
from aurify.models.selection.merged import Batches, merged
from aurify.models.selection.moments import Moments

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FEWEST_TOGETHER = 30
LINES_OF_A_BLOCK = 32
_LEAST_WIDTH = 1e-12


def correlations(numbers: DataFrame, moments: Sequence[Moments]) -> Numbers:
    """Pearson's correlations as a square matrix, each over the rows that have both features; one pass.

    NaN where fewer than 30 rows have both, or where either has one value in these.
    """
    centres = np.array([found.centre[0] for found in moments])
    widths = np.array([found.width for found in moments])
    told = merged(numbers, partial(_partial, centres=centres, widths=widths))
    return _correlations(np.concatenate([told[block] for block in sorted(told)], axis=1))


def _correlations(found: Numbers) -> Numbers:
    """Of the four matrices."""
    rows, sums, products, squares = found
    rows = np.where(rows >= FEWEST_TOGETHER, rows, np.nan)
    spread = squares - sums**2 / rows
    spread[~(spread > _LEAST_WIDTH * rows)] = np.nan
    between: Numbers = (products - sums * sums.T / rows) / np.sqrt(spread * spread.T)
    return np.clip(between, -1.0, 1.0)


def _partial(batches: Batches, centres: Numbers, widths: Numbers) -> dict[int, Numbers]:
    """Blocks of four matrices, of lines `i` and columns `j`, over the rows that have both features.

    They are the rows, and the sums of `i`, of `i` times `j` and of `i` squared, all of standardised values.
    """
    count = len(centres)
    found = np.zeros((4, count, count))
    for batch in batches:
        values = (numbers_of(batch)[0] - centres) / widths
        missing = np.isnan(values)
        there = (~missing).astype(np.float64)
        values[missing] = 0.0
        found[0] += there.T @ there
        found[1] += values.T @ there
        found[2] += values.T @ values
        found[3] += (values * values).T @ there
    starts = range(0, count, LINES_OF_A_BLOCK)
    return {block: found[:, start : start + LINES_OF_A_BLOCK] for block, start in enumerate(starts)}

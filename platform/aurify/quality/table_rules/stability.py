"""The population stability index, and the shares that it compares, from what a ledger keeps of each batch."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from aurify.quality.table_rules.aggregates import LEVELS

Shares = dict[str, float]
Batch = Mapping[str, Any]

# A share of nothing, which the index could not take the logarithm of.
LEAST = 1e-4
VALUES_KEPT = 50
DECILES = range(2, len(LEVELS) - 1, 2)
MISSING, OTHERS = "NULL", "all others"


def stability_index(expected: Sequence[float], observed: Sequence[float]) -> float:
    """The sum of (observed - expected) ln(observed / expected), no share less than 0.0001.

    >>> round(stability_index([0.5, 0.5], [0.6, 0.4]), 6), stability_index([1, 0], [1, 0])
    (0.040547, 0.0)
    """
    pairs = [(max(e, LEAST), max(o, LEAST)) for e, o in zip(expected, observed, strict=True)]
    return math.fsum((o - e) * math.log(o / e) for e, o in pairs)


def value_shares(earlier: Sequence[Batch], latest: Batch) -> tuple[Shares, Shares]:
    """The shares of values, in the mean of earlier batches and in the latest one; rare and new ones together."""
    rows: Counter[str] = Counter()
    for batch in earlier:
        rows.update({_name(value): count for value, count in batch["values"]})
    known = [name for name, _ in rows.most_common(VALUES_KEPT)]
    each = [_of_values(batch, known) for batch in earlier]
    return _mean(each), _of_values(latest, known)


def quantile_shares(earlier: Sequence[Batch], latest: Batch) -> tuple[Shares, Shares]:
    """The shares between the deciles of earlier batches, in their mean and in the latest one."""
    told = [batch["quantiles"] for batch in earlier if batch["quantiles"]]
    deciles = [statistics.median(quantiles[level] for quantiles in told) for level in DECILES] if told else []
    edges = sorted({edge for edge in deciles if math.isfinite(edge)})
    each = [_of_quantiles(batch, edges) for batch in earlier]
    return _mean(each), _of_quantiles(latest, edges)


def _of_values(batch: Batch, known: Sequence[str]) -> Shares:
    listed = {_name(value): count / batch["rows"] for value, count in batch["values"]}
    shares = {name: listed.get(name, 0.0) for name in known}
    missing = batch["nulls"] / batch["rows"]
    return {**shares, OTHERS: max(0.0, 1 - missing - math.fsum(shares.values())), MISSING: missing}


def _of_quantiles(batch: Batch, edges: Sequence[float]) -> Shares:
    missing = batch["nulls"] / batch["rows"]
    below = [0.0, *(_share_up_to(edge, batch["quantiles"]) for edge in edges), 1.0 if batch["quantiles"] else 0.0]
    names = ["-inf", *(f"{edge:g}" for edge in edges)]
    shares = [(high - low) * (1 - missing) for low, high in pairwise(below)]
    return {**{f"from {name}": share for name, share in zip(names, shares, strict=True)}, MISSING: missing}


def _share_up_to(edge: float, quantiles: Sequence[float] | None) -> float:
    """The share of values up to the edge, between two quantiles by interpolation.

    >>> _share_up_to(0.5, [i / 20 for i in range(21)]), _share_up_to(0, [0] * 11 + list(range(1, 11)))
    (0.5, 0.5)
    """
    if not quantiles:
        return 0.0
    above = bisect_right(quantiles, edge)
    if above in (0, len(quantiles)):
        return 1.0 if above else 0.0
    low, high = quantiles[above - 1], quantiles[above]
    part = (edge - low) / (high - low) if math.isfinite(high - low) else 0.0
    return LEVELS[above - 1] + part * (LEVELS[above] - LEVELS[above - 1])


def _mean(each: Sequence[Shares]) -> Shares:
    return {name: statistics.fmean(shares[name] for shares in each) for name in each[0]}


def _name(value: object) -> str:
    return repr(value)

"""Kullback-Leibler divergence of a column's values from a partition: values, or bins of numbers, and their weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurify.quality.result import Judgement
from aurify.quality.row_rules import arguments as row_arg
from aurify.quality.row_rules.domain import hashable
from aurify.quality.table_rules import arguments as arg
from aurify.quality.table_rules.measures import Found, Measure, over_column
from aurify.quality.table_rules.registry import Registry, Traits
from aurify.quality.values import Unfit

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

DIVERGENCE = Registry()

# More different values than that are not read as categories.
CATEGORIES = 1000

OBSERVED = (
    "A partition must be given, where Great Expectations without one compares a column with itself; its values are"
    " read as the column's type has them; a column of more than 1000 values fails against a partition of values."
)


def check_holdouts(kwargs: Mapping[str, object]) -> None:
    """Unfit where weight is held out for what the partition has not."""
    partition: Any = kwargs.get("partition_object") or {}
    tails, inside = kwargs.get("tail_weight_holdout"), kwargs.get("internal_weight_holdout")
    if inside and "values" in partition:
        raise Unfit("internal_weight_holdout with values", "bins, or no such argument")
    if tails and "tail_weights" in partition:
        raise Unfit("tail_weight_holdout beside tail_weights", "one of them")
    bins = partition.get("bins", ())
    if tails and bins and math.isinf(bins[0]) and math.isinf(bins[-1]):
        raise Unfit("tail_weight_holdout with bins that are infinite on both sides", "no such argument")
    if kwargs.get("bucketize_data") is False and bins:
        raise Unfit("bucketize_data false with bins", "values, or no such argument")


def _measures(rule: Rule, found: Found) -> Mapping[str, Measure]:
    partition: Any = rule.kwargs["partition_object"]
    wanted = {"nonnull": over_column(rule, "value_count")}
    if "values" in partition:
        return {**wanted, "counts": over_column(rule, "value_counts", CATEGORIES + 1)}
    return {**wanted, "counts": over_column(rule, "bin_counts", *partition["bins"])}


@DIVERGENCE.measured(
    "expect_column_kl_divergence_to_be_less_than",
    "{column} is distributed like the partition",
    _measures,
    Traits(wants=hashable, agree=check_holdouts, difference=OBSERVED),
    partition_object=arg.THE_PARTITION,
    threshold=arg.FACTOR,
    tail_weight_holdout=arg.SHARE,
    internal_weight_holdout=arg.SHARE,
    bucketize_data=row_arg.FLAG,
)
def is_like_partition(
    found: Found,
    partition_object: Mapping[str, Sequence[Any]],
    threshold: float | None = None,
    tail_weight_holdout: float = 0.0,
    internal_weight_holdout: float = 0.0,
    bucketize_data: bool = True,
) -> Judgement:
    """An infinite divergence, of a value that the partition rules out, is observed as None and fails.

    Without a threshold the divergence is only told.
    """
    counts: Any = found["counts"]
    rows: Any = found["nonnull"]
    if "bins" in partition_object:
        held_out = (tail_weight_holdout, internal_weight_holdout)
        pk, qk, details = _of_bins(counts, rows, partition_object, held_out)
    elif len(counts) > CATEGORIES:
        return Judgement(threshold is None, None, {"values": f"more than {CATEGORIES}"})
    else:
        pk, qk, details = _of_values(counts, rows, partition_object, tail_weight_holdout)
    divergence = relative_entropy(pk, qk)
    is_known = math.isfinite(divergence)
    holds = threshold is None or divergence <= threshold
    return Judgement(holds, divergence if is_known else None, details)


def relative_entropy(pk: Sequence[float], qk: Sequence[float]) -> float:
    """The sum of p ln(p/q), both scaled to 1; infinite where q is 0 and p is not, NaN without any p or q.

    >>> relative_entropy([1, 1], [1, 3])
    0.14384103622589042
    """
    p_sum, q_sum = math.fsum(pk), math.fsum(qk)
    if not (p_sum > 0 and q_sum > 0):
        return math.nan
    terms = []
    for p, q in zip(pk, qk, strict=True):
        if p > 0 and q <= 0:
            return math.inf
        terms.append(p / p_sum * math.log(p / p_sum * q_sum / q) if p > 0 else 0.0)
    return math.fsum(terms)


def _of_values(
    counts: Sequence[tuple[Any, int]], rows: int, partition: Mapping[str, Sequence[Any]], holdout: float
) -> tuple[list[float], list[float], dict[str, object]]:
    """Shares of the values of the partition, then of all others, which share what is held out."""
    shares = {value: count / rows for value, count in counts}
    expected = dict(zip(partition["values"], partition["weights"], strict=True))
    others = [value for value in shares if value not in expected]
    values = [*expected, *others]
    pk = [shares.get(value, 0.0) for value in values]
    kept = 1 - holdout if others else 1
    qk = [weight * kept for weight in expected.values()] + [holdout / len(others) for _ in others]
    observed = {"values": values, "weights": pk}
    return pk, qk, {"observed_partition": observed, "expected_partition": {"values": values, "weights": qk}}


def _of_bins(
    counts: Sequence[int], rows: int, partition: Mapping[str, Sequence[Any]], held_out: tuple[float, float]
) -> tuple[list[float], list[float], dict[str, object]]:
    """Shares below the bins, in each of them and above; an infinite bin is the tail of its side."""
    tails, inside = held_out
    shares = [count / rows if rows else 0.0 for count in counts]
    expected = [weight * (1 - tails - inside) for weight in partition["weights"]]
    empty = expected.count(0.0)
    if inside:
        expected = [weight or inside / empty for weight in expected]
    bins = list(partition["bins"])
    low, high = math.isinf(bins[0]), math.isinf(bins[-1])
    left, right = partition.get("tail_weights", (tails / (1 if low or high else 2),) * 2)
    qk = [*([] if low else [left]), *expected, *([] if high else [right])]
    pk = [*([] if low else shares[:1]), *shares[1:-1], *([] if high else shares[-1:])]
    bins = bins[low : len(bins) - high]
    return pk, qk, {"observed_partition": _split(pk, bins), "expected_partition": _split(qk, bins)}


def _split(weights: Sequence[float], bins: Sequence[float]) -> dict[str, object]:
    return {"bins": list(bins), "weights": list(weights[1:-1]), "tail_weights": [weights[0], weights[-1]]}

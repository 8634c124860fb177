"""What features add to the scores of all rows together: how much, and how it goes with their value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.models.columns import Columns, Numbers, columns_of
from aurify.models.explain.contributions import boosted, contributions_of
from aurify.models.explain.sample import ROWS, sampled
from aurify.models.fitted import FittedModel, held, staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Sums: TypeAlias = Callable[[FittedModel, Columns], Numbers]


@dataclass(frozen=True)
class DependenceBin:
    """The rows whose feature is above `low`, up to `high`; None is no limit. A mean value of None: it is missing."""

    low: float | None
    high: float | None
    mean_value: float | None
    mean_contribution: float
    rows: int


@dataclass(frozen=True)
class Dependence:
    """How a feature's contribution to the raw score goes with its value, the rows without it last."""

    feature: str
    bins: tuple[DependenceBin, ...]


def shap_importance(model: FittedModel, rows: DataFrame) -> dict[str, float]:
    """The mean size of each feature's contribution to the raw score of the rows; one job over all of them."""
    features = boosted("shap_importance", model).features
    *sizes, count = _summed("shap_importance", model, rows, _sizes)
    return {name: float(size / count) for name, size in zip(features, sizes, strict=True)}


def dependence(model: FittedModel, rows: DataFrame, feature: str, bins: int = 20) -> Dependence:
    """The mean contribution of a feature by quantiles of its value; a job for the bins, a second over all rows.

    The bins are the quantiles of at most 20,000 rows chosen by a hash; a feature of no more than `bins` values has a
    bin for each.
    """
    features = boosted("dependence", model).features
    problems = []
    if feature not in features:
        hint = did_you_mean(feature, features)
        problems.append(Problem("dependence", f"feature '{feature}'", "one that the model has", hint))
    if bins < 1:
        problems.append(Problem("dependence", f"{bins} bins", "1 or more"))
    if problems:
        raise ConfigurationError("dependence", problems)
    few = staged(sampled("dependence", model, rows, ROWS, 0), model.stages)
    edges = _edges(np.asarray(few[feature], np.float64), bins)
    sums = _summed("dependence", model, rows, partial(_binned, feature=feature, edges=edges))
    return Dependence(feature, tuple(_bins(sums.reshape(3, -1), edges)))


def _edges(values: Numbers, bins: int) -> Numbers:
    """The highest value of every bin but the last."""
    there = np.sort(values[~np.isnan(values)])
    distinct = np.unique(there)
    if len(distinct) <= bins:
        return distinct[:-1]
    places = np.arange(1, bins) * len(there) // bins
    return np.unique(there[places - 1])


def _bins(sums: Numbers, edges: Numbers) -> Iterator[DependenceBin]:
    """The bins that have rows; the last one is of the missing."""
    limits = [None, *map(float, edges), None]
    *there, missing = zip(*sums, strict=True)
    for (rows, values, added), low, high in zip(there, limits[:-1], limits[1:], strict=True):
        if rows:
            yield DependenceBin(low, high, float(values / rows), float(added / rows), int(rows))
    if missing[0]:
        yield DependenceBin(None, None, None, float(missing[2] / missing[0]), int(missing[0]))


def _binned(model: FittedModel, columns: Columns, feature: str, edges: Numbers) -> Numbers:
    """Of each bin, the missing last: rows, sum of values, sum of contributions."""
    values = np.asarray(staged(columns, model.stages)[feature], np.float64)
    added = contributions_of(model, columns)[:, model.learned.features.index(feature)]
    is_missing = np.isnan(values)
    place = np.where(is_missing, len(edges) + 1, np.searchsorted(edges, values))
    weights = np.ones_like(added), np.where(is_missing, 0.0, values), added
    return np.concatenate([np.bincount(place, weight, len(edges) + 2) for weight in weights])


def _sizes(model: FittedModel, columns: Columns) -> Numbers:
    """The sum of each feature's sizes, and the rows."""
    added = np.abs(contributions_of(model, columns)[:, :-1])
    return np.append(added.sum(axis=0), len(added))


def _summed(where: str, model: FittedModel, rows: DataFrame, sums_of: Sums) -> Numbers:
    """The sums of all rows; one job, which tells the driver those of each partition."""
    model.refuse_misfits(where, rows)
    own = {name: f"_{place}" for place, name in enumerate(model.inputs)}
    read = rows.select(*map(quoted, own)).toDF(*own.values())
    mapper = partial(_of_partition, files=model.files(), names=own, sums_of=sums_of)
    told = read.mapInArrow(mapper, "sums binary").collect()
    if not told:
        raise ConfigurationError.of(where, "no row", "one row or more")
    return np.asarray(sum(np.frombuffer(row.sums) for row in told))


def _of_partition(
    batches: Iterable[pa.RecordBatch], files: Mapping[str, bytes], names: Mapping[str, str], sums_of: Sums
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    model = held(tuple(sorted(files.items())))
    told = [sums_of(model, columns_of(batch, names)) for batch in batches if batch.num_rows]
    if told:
        yield pa.record_batch([pa.array([np.sum(told, axis=0).tobytes()], pa.binary())], ["sums"])

"""Columns of a batch as NumPy arrays: what stages turn into features and what models score, wherever they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

Numbers = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]


def columns_of(batch: pa.RecordBatch, names: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """The columns of an Arrow batch by their own names, `names` giving each one's name in the batch.

    A number or a boolean is a double, NaN where it is missing; anything else an object, None where it is missing.
    """
    return {name: _array(batch.column(place)) for name, place in names.items()}


def _array(values: pa.Array) -> NDArray[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_boolean(kind):
        values = values.cast(pa.int8())
    if pa.types.is_decimal(kind):
        values = values.cast(pa.string()).cast(pa.float64())  # the nearest double, as Spark's; Arrow's own is not it
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        numbers: Numbers = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return numbers
    return np.fromiter(values.to_pylist(), object, len(values))  # lists stay lists


def matrix(columns: Columns, features: Sequence[str]) -> Numbers:
    """The features as one matrix of doubles, a row each, in their order."""
    rows = len(next(iter(columns.values()))) if columns else 0
    found = np.empty((rows, len(features)), np.float64)
    for place, name in enumerate(features):
        found[:, place] = columns[name]
    return found

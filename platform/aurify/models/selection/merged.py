"""What each partition of a frame tells, added up on the executors: the driver gets one thing for each place."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, reduce
from itertools import groupby
from operator import add
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Batches: TypeAlias = "Iterable[pa.RecordBatch]"


def merged(rows: DataFrame, partial_of: Callable[[Batches], Mapping[int, Any]]) -> dict[int, Any]:
    """What `partial_of` tells for each place, of all partitions together, added by `+` in the order of the partitions.

    One action and one shuffle. A frame without partitions tells nothing.
    """
    told = rows.mapInArrow(partial(_told, partial_of=partial_of), "place int, part int, found binary")
    together = told.repartition("place").sortWithinPartitions("place", "part")
    found = together.mapInArrow(_added, "place int, found binary").collect()
    return {row.place: pickle.loads(row.found) for row in found}


def _told(batches: Batches, partial_of: Callable[[Batches], Mapping[int, Any]]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyspark import TaskContext

    context = TaskContext.get()
    part = context.partitionId() if context else 0
    for place, found in partial_of(batches).items():
        arrays = [pa.array([place], pa.int32()), pa.array([part], pa.int32()), pa.array([pickle.dumps(found)])]
        yield pa.RecordBatch.from_arrays(arrays, ["place", "part", "found"])


def _added(batches: Batches) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    lines = (line for batch in batches for line in zip(batch["place"].to_pylist(), batch["found"], strict=True))
    for place, told in groupby(lines, key=lambda line: line[0]):
        found = reduce(add, (pickle.loads(line[1].as_py()) for line in told))
        yield pa.RecordBatch.from_arrays(
            [pa.array([place], pa.int32()), pa.array([pickle.dumps(found)])], ["place", "found"]
        )

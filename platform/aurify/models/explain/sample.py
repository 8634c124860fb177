"""A few rows on the driver, chosen by a hash: the same ones however the rows are partitioned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from aurify.config.names import quoted
from aurify.errors import ConfigurationError
from aurify.models.columns import Numbers, columns_of, matrix
from aurify.models.explain.contributions import boosted, contributions_of
from aurify.models.fitted import FittedModel, staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

ROWS = 20_000


@dataclass(frozen=True)
class ContributionSample:
    """Values and contributions of some rows: a row each, a column for each feature; NaN is a missing value."""

    features: tuple[str, ...]
    values: Numbers
    contributions: Numbers


def contribution_sample(model: FittedModel, rows: DataFrame, most: int = 1_000, seed: int = 0) -> ContributionSample:
    """The contributions of at most so many rows, no more than 20,000, on the driver; one job."""
    boosted("contribution_sample", model)
    columns = sampled("contribution_sample", model, rows, most, seed)
    features = model.learned.features
    values = matrix(staged(columns, model.stages), features)
    return ContributionSample(features, values, contributions_of(model, columns)[:, :-1])


def sampled(
    where: str, model: FittedModel, rows: DataFrame, most: int, seed: int, *others: str
) -> dict[str, NDArray[Any]]:
    """The inputs of the model, and other columns, of the rows with the smallest hashes, in their order; one job.

    The hash is of all columns, so rows that are equal in all of them come together.
    """
    from pyspark.sql import functions as F

    model.refuse_misfits(where, rows)
    if not 1 <= most <= ROWS:
        raise ConfigurationError.of(where, f"{most} rows", f"1 to {ROWS:,}, which the driver holds")
    told = [field.name for field in rows.schema.fields if "map<" not in field.dataType.simpleString()]
    names = list(dict.fromkeys([*model.inputs, *others]))
    hashed = F.xxhash64(*map(quoted, told), F.lit(seed))
    own = {name: f"_{place}" for place, name in enumerate(names)}
    read = rows.select(hashed.alias("_hash"), *(F.col(quoted(name)).alias(place) for name, place in own.items()))
    packed = read.orderBy("_hash").limit(most).drop("_hash").mapInArrow(_packed, "batch binary").collect()
    return _columns([bytes(row.batch) for row in packed], own, where)


def _packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch as Arrow writes it, so that the driver reads what an executor would."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.record_batch([pa.array([sink.getvalue().to_pybytes()], pa.binary())], ["batch"])


def _columns(packed: list[bytes], own: dict[str, str], where: str) -> dict[str, NDArray[Any]]:
    import pyarrow as pa

    tables = [pa.ipc.open_stream(batch).read_all() for batch in packed]
    batches = pa.concat_tables(tables).combine_chunks().to_batches() if tables else []
    if not batches:
        raise ConfigurationError.of(where, "no row", "one row or more")
    return columns_of(batches[0], own)

"""Parquet files read by the driver, wherever they lie; what is not asked for is not fetched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from aurify.storage.paths import is_local
from aurify.storage.storage import Storage

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def parquet_file(path: str) -> pq.ParquetFile:
    """The file, open; a context manager."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(_opened(path), pre_buffer=not is_local(path))


def parquet_footer(path: str) -> pq.FileMetaData:
    """What the file says of itself."""
    import pyarrow.parquet as pq

    return pq.read_metadata(_opened(path))


def parquet_rows(path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows, of some columns if they are named; folders of the path are no columns."""
    import pyarrow.parquet as pq

    return pq.read_table(_opened(path), columns=columns and list(columns), partitioning=None)


def _opened(path: str) -> str | BinaryIO:
    return path if is_local(path) else Storage().open(path)

"""The check of one Parquet file: its ends, its footer, its columns, and every page of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from aurify.errors import did_you_mean
from aurify.sources.fault import Fault
from aurify.sources.parquet_types import spark_types

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from aurify.sources.folder import FolderOptions

_MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_ROWS = 16_384
_BUFFER = 1 << 20
_AGAIN = "deliver it again"


def parquet_records(raw: BinaryIO, options: FolderOptions) -> int:
    """The number of records; Fault if the file may not enter a batch.

    Every page is decoded, with its checksum where it has one: Spark would stop the whole batch at a broken page,
    or, without a checksum, might read it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    _check_ends(raw)
    try:
        file = pq.ParquetFile(raw, pre_buffer=False, buffer_size=_BUFFER, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise Fault("no_footer", f"a footer that can't be read ({_first_line(error)})", "Parquet", _AGAIN) from error
    _check_columns(file.schema_arrow.names, options)
    spark_types(file)
    return _decoded_rows(file)


def _check_ends(raw: BinaryIO) -> None:
    start = raw.read(4)
    if start == _ENCRYPTED:
        raise Fault("unreadable", "an encrypted Parquet file", "one that is not encrypted")
    if start != _MAGIC:
        found = f"a file that begins with {start!r}"
        raise Fault(
            "wrong_magic", found, f"Parquet, which begins with {_MAGIC!r}", "is the format of folder(...) right?"
        )
    size = raw.seek(0, os.SEEK_END)
    raw.seek(max(4, size - 4))
    if raw.read(4) != _MAGIC:
        raise Fault("no_footer", f"no {_MAGIC!r} at the end: the file is cut off", "a whole Parquet file", _AGAIN)
    raw.seek(0)


def _check_columns(found: list[str], options: FolderOptions) -> None:
    """A missing column would be NULL in every row, one that nobody declared would be lost: both are refused."""
    expected = options.columns.fieldNames()
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if len(found) != len(set(found)):
        raise Fault("wrong_header", f"a column twice among {', '.join(found)}", f"{', '.join(expected)}")
    if missing or extra:
        said = [f"no column {', '.join(missing)}"] if missing else []
        said += [f"the column {', '.join(extra)}, which is not declared"] if extra else []
        hint = did_you_mean(extra[0], missing or expected) if extra else ""
        raise Fault("wrong_header", " and ".join(said), f"the columns {', '.join(expected)}, in any order", hint)


def _decoded_rows(file: pq.ParquetFile) -> int:
    import pyarrow as pa

    try:
        rows: int = sum(batch.num_rows for batch in file.iter_batches(batch_size=_ROWS, use_threads=False))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Fault("corrupt", f"a page that can't be decoded ({_first_line(error)})", "whole pages", _AGAIN) from error
    if rows != file.metadata.num_rows:
        found = f"{rows} rows, where the footer says {file.metadata.num_rows}"
        raise Fault("corrupt", found, "as many as the footer says", _AGAIN)
    return rows


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

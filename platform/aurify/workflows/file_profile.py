"""What a data file says of the table that is to hold its rows: columns, form, and what holds of its first rows."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from aurify.config.columns import ddl
from aurify.errors import ConfigurationError, Problem

FIRST_ROWS = 10_000
FEW_VALUES = 10
ENOUGH_ROWS = 100
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class FileProfile:
    """Column text and form of a file; columns that its first rows always fill, and small sets of values."""

    columns: str
    format: str
    pattern: str
    delimiter: str = ","
    encoding: str = "UTF-8"
    filled: tuple[str, ...] = ()
    value_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_profile(file: Path) -> FileProfile:
    """Look at a CSV file (gzip too), all of whose columns are text, or a Parquet file with its own types."""
    if not file.is_file():
        raise ConfigurationError.of(str(file), "no file", "a .csv, .csv.gz or .parquet file")
    if file.suffix == ".parquet":
        return _parquet(file)
    if file.name.endswith((".csv", ".csv.gz", ".tsv", ".txt")):
        return _csv(file)
    raise ConfigurationError.of(str(file), f"a {file.suffix or 'file without ending'}", ".csv, .csv.gz or .parquet")


def _csv(file: Path) -> FileProfile:
    content = _first_bytes(file)
    try:
        text, encoding = content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        text, encoding = content.decode("windows-1252", errors="replace"), "windows-1252"
    lines = text.splitlines(keepends=True)
    if not lines:
        raise ConfigurationError.of(str(file), "an empty file", "a header and rows")
    delimiter = max(DELIMITERS, key=lines[0].count)
    records = list(islice(csv.reader(io.StringIO(text), delimiter=delimiter), FIRST_ROWS + 1))
    header, rows = records[0], [r for r in records[1:] if len(r) == len(records[0])]
    _refuse_header(file, header)
    return _profiled(header, rows, "*.csv*" if ".csv" in file.name else f"*{file.suffix}", delimiter, encoding)


def _first_bytes(file: Path) -> bytes:
    """Whole lines from the beginning, up to some megabytes."""
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            return b"".join(islice(stream, FIRST_ROWS + 1))
    except (OSError, EOFError) as error:
        raise ConfigurationError.of(str(file), str(error), "a file that can be read") from error


def _refuse_header(file: Path, header: Sequence[str]) -> None:
    problems = [
        Problem(str(file), "a column without a name", "a header with a name for each column", key=f"column {number}")
        for number, name in enumerate(header, start=1)
        if not name.strip()
    ]
    lower = [name.lower() for name in header]
    problems += [
        Problem(str(file), f"the name '{name}' twice", "names that differ by more than case", key=name)
        for name in dict.fromkeys(lower)
        if name and lower.count(name) > 1
    ]
    if problems:
        raise ConfigurationError(f"header of {file.name}", problems)


def _profiled(
    header: Sequence[str], rows: Sequence[Sequence[str]], pattern: str, delimiter: str, encoding: str
) -> FileProfile:
    from pyspark.sql.types import StringType, StructField, StructType

    values = {name: [row[i] for row in rows] for i, name in enumerate(header)}
    filled = tuple(name for name in header if rows and all(values[name]))
    sets = {name: tuple(sorted(set(values[name]))) for name in filled if len(rows) >= ENOUGH_ROWS}
    return FileProfile(
        columns=ddl(StructType([StructField(name, StringType()) for name in header])),
        format="csv",
        pattern=pattern,
        delimiter=delimiter,
        encoding=encoding,
        filled=filled,
        value_sets={name: found for name, found in sets.items() if len(found) <= FEW_VALUES},
    )


def _parquet(file: Path) -> FileProfile:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.errors import PySparkException
    from pyspark.sql.pandas.types import from_arrow_schema

    try:
        source = pq.ParquetFile(file)
        schema = from_arrow_schema(source.schema_arrow)
        first = pa.Table.from_batches(islice(source.iter_batches(FIRST_ROWS), 1), source.schema_arrow)
    except (OSError, pa.ArrowException, PySparkException) as error:
        found = str(error).splitlines()[0]
        raise ConfigurationError.of(str(file), found, "a Parquet file of types that Spark has") from error
    filled = tuple(name for name in schema.names if first.num_rows and first[name].null_count == 0)
    return FileProfile(columns=ddl(schema), format="parquet", pattern="*.parquet", filled=filled)

"""The rows of a file that is no part of the lake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aurify.config.columns import parse_columns
from aurify.errors import ConfigurationError, DataError
from aurify.publish.read import read_version, without_tombstones
from aurify.publish.target import Handle
from aurify.sources import CheckedFile, Delivery, FolderOptions, check_file, read_files
from aurify.sources.listing import stat_file
from aurify.workflows.file_profile import read_profile

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def rows_of_file(spark: SparkSession, file: str) -> DataFrame:
    """The rows of a Parquet file, of a CSV file as text, or of the folder of a Delta table.

    The frame has the columns that a folder source adds too; all of those begin with `_`. A file is checked first, as
    one that is delivered: DataError says what is wrong with it.
    """
    path = Path(file)
    if path.is_dir():
        handle = Handle.open(str(path.resolve()))
        if handle is None:
            raise ConfigurationError.of(file, "a folder without a Delta log", "a file, or the folder of a Delta table")
        return without_tombstones(read_version(spark, handle))
    found = read_profile(path)
    options = FolderOptions(
        "csv" if found.format == "csv" else "parquet",
        parse_columns(found.columns),
        delimiter=found.delimiter,
        encoding=found.encoding,
    )
    options.refuse_mistakes()
    folder, name = path.resolve().parent, path.resolve().name
    checked = check_file(folder, stat_file(folder, name), options)
    if not isinstance(checked, CheckedFile):
        raise DataError(file, [checked.as_problem()])
    return read_files(spark, folder, [Delivery(name, 1, checked.modified_ms)], options)

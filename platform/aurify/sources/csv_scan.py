"""Reading CSV files with Spark: text as it stands, with the number of each record in its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.sources.encodings import java_name
from aurify.sources.listing import stat_file
from aurify.sources.record_count import MOST_FIELDS
from aurify.sources.scan import MALFORMED, SOURCE_ROW, URI, scan_options, scan_path, scan_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.sources.folder import FolderOptions

_NEVER_FULL = str(1 << 60)
_CONF = {
    # Every file is one partition, whole: the number of a row in its partition is its number in the file.
    "spark.sql.files.maxPartitionBytes": _NEVER_FULL,
    "spark.sql.files.openCostInBytes": _NEVER_FULL,
    "spark.sql.files.maxPartitionNum": str((1 << 31) - 1),
    # With pruning Spark sees a malformed record only if all columns are asked for.
    "spark.sql.csv.parser.columnPruning.enabled": "false",
}
_PARSER = {
    "quote": '"',
    "escape": '"',
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": MALFORMED,
    "maxColumns": str(MOST_FIELDS),
    # The parser of a file stays in memory until its task ends: with the usual buffer that is 4 MiB, so 0.4.
    "inputBufferSize": "65536",
}
# The place of a row in its partition are the lower 33 bits.
_ROW = f"(monotonically_increasing_id() & {(1 << 33) - 1}) + 1"
_GZIP_RATIO = 6
_SMALLEST, _LARGEST = 8 << 20, 128 << 20
_MOST_FILES = 100


def csv_lines(spark: SparkSession, root: Path | str, paths: Sequence[str], options: FolderOptions) -> DataFrame:
    """The records as text, with `_malformed`, `_source_row` and the URI of the file."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    names = [*options.columns.fieldNames(), MALFORMED]
    given = {
        **scan_options(str(root)),
        **_PARSER,
        "header": str(options.header).lower(),
        "encoding": str(java_name(options.encoding)),
        "delimiter": "\\\\" if options.delimiter == "\\" else options.delimiter,
    }
    reader = scan_session(spark, _CONF).read.options(**given)
    reader = reader.schema(StructType([StructField(name, StringType()) for name in names]))
    lines = reader.csv([scan_path(root, path) for path in paths])
    numbered = lines.select("*", F.expr(_ROW).alias(SOURCE_ROW), F.input_file_name().alias(URI))
    sizes = [_text_size(root, path) for path in paths]
    count = task_count(sizes, spark.sparkContext.defaultParallelism)
    return numbered.coalesce(count) if count < len(paths) else numbered


def _text_size(root: Path | str, path: str) -> int:
    return stat_file(root, path).size * (_GZIP_RATIO if path.endswith(".gz") else 1)


def task_count(sizes: Sequence[int], cores: int) -> int:
    """How many tasks read files of these sizes: each takes several small ones, one after the other.

    Spark gives each task as many files as the others, the largest first, so the first task decides how long it takes.
    """
    files = sorted(sizes, reverse=True)
    total = sum(files)
    count = max(-(-len(files) // _MOST_FILES), -(-total // _LARGEST), min(3 * cores, -(-total // _SMALLEST)))
    while count < len(files) and sum(files[1 : -(-len(files) // count)]) > 2 * total // count:
        count *= 2
    return min(count, len(files))

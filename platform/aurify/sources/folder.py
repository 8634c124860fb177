"""The folder source: deliveries of files read as one frame, every row with its file, place and delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from aurify.config.columns import sql_type
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.sources.delivery import Delivery, with_delivery
from aurify.sources.encodings import JAVA_NAMES, java_name
from aurify.sources.scan import DELIVERED_AT, DELIVERY, MALFORMED, SOURCE_FILE, SOURCE_ROW, handed_over

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

ROW_COLUMNS = (SOURCE_FILE, SOURCE_ROW, DELIVERY, DELIVERED_AT)


@dataclass(frozen=True)
class FolderOptions:
    """How the files of a folder are found and read.

    `columns` are those of the table. CSV is read as text and Parquet with the types that the files have;
    the engine casts afterwards, and sees what a cast destroys.
    """

    format: Literal["csv", "parquet"]
    columns: StructType
    pattern: str = "**/*"
    delimiter: str = ","
    encoding: str = "UTF-8"
    header: bool = True

    def problems(self, where: str = "folder source") -> list[Problem]:
        """Everything that can't be read as it is declared."""
        names = self.columns.fieldNames()
        taken = [
            n for n in names if n.lower() in (*ROW_COLUMNS, MALFORMED, "_metadata") or n.lower().startswith("_aurify")
        ]
        parts = PurePosixPath(self.pattern).parts
        problems = [Problem(where, f"the column {name}", "another name", "the source adds it", name) for name in taken]
        if self.pattern.startswith("/") or ".." in parts or not parts:
            problems.append(
                Problem(where, repr(self.pattern), "a pattern below the folder", "like **/*.csv", "pattern")
            )
        return problems + (self._csv_problems(where) if self.format == "csv" else [])

    def _csv_problems(self, where: str) -> list[Problem]:
        problems = [
            Problem(where, field.dataType.simpleString(), "a type that one field of text can hold", key=field.name)
            for field in self.columns.fields
            if field.dataType.typeName() in ("array", "map", "struct")
        ]
        if java_name(self.encoding) is None:
            hint = did_you_mean(self.encoding, JAVA_NAMES.values())
            expected = "an encoding that can be read line by line"
            problems.append(Problem(where, repr(self.encoding), expected, hint, "encoding"))
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n\0':
            problems.append(Problem(where, repr(self.delimiter), "one character", "like ';' or '\\t'", "delimiter"))
        return problems

    def refuse_mistakes(self) -> None:
        """ConfigurationError with every problem, if there is any."""
        if problems := self.problems():
            raise ConfigurationError("folder source", problems)


def read_files(
    spark: SparkSession, root: Path | str, deliveries: Sequence[Delivery], options: FolderOptions
) -> DataFrame:
    """The records of checked files: declared columns, `_source_file`, `_source_row`, `_delivery`, `_delivered_at`.

    CSV has `_malformed` too: the raw line of a record with too few or too many fields, else NULL. Rows count from 1
    in each file, header and blank lines not counted. Settings of `spark` are left alone and don't matter.
    """
    from aurify.sources.csv_scan import csv_lines
    from aurify.sources.parquet_scan import parquet_rows

    options.refuse_mistakes()
    if len({delivery.path for delivery in deliveries}) != len(deliveries):
        raise ValueError("a path is delivered once in a batch")
    if not deliveries:
        return _no_rows(spark, options)
    scan = csv_lines if options.format == "csv" else parquet_rows
    rows = scan(spark, root, [delivery.path for delivery in deliveries], options)
    return handed_over(with_delivery(rows, root, deliveries), spark)


def _no_rows(spark: SparkSession, options: FolderOptions) -> DataFrame:
    from pyspark.sql import functions as F

    is_csv = options.format == "csv"
    kinds = {f.name: "string" if is_csv else sql_type(f.dataType) for f in options.columns.fields}
    kinds |= dict(zip(ROW_COLUMNS, ("string", "bigint", "int", "timestamp"), strict=True))
    kinds |= {MALFORMED: "string"} if is_csv else {}
    return spark.range(0).select(*(F.lit(None).cast(kind).alias(name) for name, kind in kinds.items()))

"""Rows with features and a label, as a selection reads them: numbers under short names, and texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.columns import Numbers
from aurify.models.numeric_columns import is_number, number

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

MOST_FEATURES = 1_000
LABEL = "_label"


@dataclass(frozen=True)
class Labelled:
    """The columns of a frame that are read, and for whom: `where` is what an error names.

    NULL, NaN and infinite numbers are missing. What is neither a number nor a boolean is read as text.
    """

    where: str
    rows: DataFrame
    features: tuple[str, ...]
    label: str

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The features that are numbers or booleans."""
        return tuple(name for name in self.features if is_number(self.rows.schema[name].dataType))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The other features."""
        return tuple(name for name in self.features if name not in self.numbers)

    def refuse_misfits(self) -> None:
        """ConfigurationError with all that is wrong with the columns."""
        problems = []
        there = self.rows.columns
        for name in dict.fromkeys((*self.features, self.label)):
            if name not in there:
                problems.append(no_column(self.where, name, there))
        if self.label in there and not is_number(self.rows.schema[self.label].dataType):
            found = f"label {self.label} is {self.rows.schema[self.label].dataType.simpleString()}"
            problems.append(Problem(self.where, found, "a number or a boolean"))
        if self.label in self.features:
            problems.append(Problem(self.where, f"the label '{self.label}' among the features", "other columns"))
        if len(set(self.features)) < len(self.features):
            problems.append(Problem(self.where, "a feature twice", "each feature once"))
        if not 0 < len(self.features) <= MOST_FEATURES:
            problems.append(Problem(self.where, f"{len(self.features):,} features", f"1 to {MOST_FEATURES:,}"))
        if problems:
            raise ConfigurationError(self.where, problems)

    def as_numbers(self) -> DataFrame:
        """The numbers in their order, then the label, all double."""
        return self.rows.select(
            *(number(self.rows, name).alias(f"_{place}") for place, name in enumerate(self.numbers)),
            number(self.rows, self.label).alias(LABEL),
        )

    def as_texts(self) -> DataFrame:
        """A row for each row and text: the text's `place`, its `value` or NULL, and the label."""
        from pyspark.sql import functions as F

        told = [
            F.struct(F.lit(place).alias("place"), F.col(quoted(name)).cast("string").alias("value"))
            for place, name in enumerate(self.texts)
        ]
        read = self.rows.select(F.explode(F.array(*told)).alias("text"), number(self.rows, self.label).alias(LABEL))
        return read.select("text.place", "text.value", LABEL)


def numbers_of(batch: pa.RecordBatch) -> tuple[Numbers, Numbers]:
    """The numbers of a batch of `as_numbers`, a column each, NaN where missing; and the label."""
    columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
    values = np.empty((batch.num_rows, len(columns) - 1), np.float64, order="F")
    for place, column in enumerate(columns[:-1]):
        values[:, place] = column
    values[np.isinf(values)] = np.nan
    return values, np.asarray(columns[-1], np.float64)

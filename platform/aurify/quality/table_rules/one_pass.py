"""All plain aggregates in one pass over the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.table_rules.aggregates import AGGREGATES, Operand
from aurify.quality.table_rules.measures import Measure
from aurify.quality.table_rules.rows import Rows, Taken

if TYPE_CHECKING:
    from pyspark.sql import Column


def take_aggregates(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """The measures that are plain aggregates, in one job."""
    operands = _Operands(rows)
    columns: list[Column] = []
    ends = [0]
    for measure in measures:
        columns += AGGREGATES[measure.of].columns(operands.of(measure), *measure.given)
        ends.append(len(columns))
    named = [column.alias(f"m{i}") for i, column in enumerate(columns)]
    found = rows.frame.select(*operands.projected).agg(*named).collect()[0]
    for measure, begin, end in zip(measures, ends, ends[1:], strict=False):
        yield measure.name, AGGREGATES[measure.of].read(found[begin:end], operands.kind(measure))


class _Operands:
    """The columns and conditions that the measures look at, each projected once, whoever asks for it."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._names: dict[str, str] = {}
        self.projected: list[Column] = []

    def kind(self, measure: Measure) -> T.DataType:
        """The type of the measure's column."""
        return self._rows.place(measure.column).kind if measure.column else T.NullType()

    def of(self, measure: Measure) -> Operand:
        """What the measure's aggregate is of."""
        from pyspark.sql import functions as F

        condition, meets, value = measure.condition, None, None
        if condition is not None:
            meets = self._projected_once(f"where {condition.text}", condition.column)
        if measure.column:
            place = self._rows.place(measure.column)
            value = self._projected_once(f"column {place.text}", lambda: place.column)
            value = value if meets is None else F.when(meets, value)
        return Operand(value, self.kind(measure), meets)

    def _projected_once(self, key: str, column: Callable[[], Column]) -> Column:
        from pyspark.sql import functions as F

        if key not in self._names:
            self._names[key] = f"p{len(self.projected)}"
            self.projected.append(column().alias(self._names[key]))
        return F.col(self._names[key])

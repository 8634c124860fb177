"""The gate: every check of a batch in one pass, each evaluated once, into bits, a verdict and reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError
from aurify.quality.row_rules import failing
from aurify.quality.row_rules.domain import balanced, column
from aurify.quality.rule import OnFail

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

    from aurify.quality.suite import Suite

BITS = 62
MASK = "_mask"
VERDICT = "verdict"
FAILED = "_failed"
OK = "ok"
FAILED_TYPE = "array<struct<id:string,rule:string,columns:array<string>,values:array<string>>>"


@dataclass(frozen=True)
class Check:
    """What must hold of a row: a rule of the suite, or one that the engine adds.

    `failing` is TRUE where the row fails; NULL counts as passed. `shown` is what a failed row reports as values,
    where that is not what stands in `columns`.
    """

    id: str
    text: str
    columns: tuple[str, ...]
    on_fail: OnFail
    failing: Column | Callable[[], Column] = field(compare=False)
    shown: tuple[Column, ...] | None = field(default=None, compare=False)

    @property
    def fails(self) -> Column:
        """The condition, built when it is asked for."""
        return self.failing() if callable(self.failing) else self.failing


def checks_of(suite: Suite, schema: StructType) -> list[Check]:
    """The rules of a suite as checks of rows of this schema."""
    return [Check(r.id, r.text, r.columns, r.on_fail, partial(failing, r, schema)) for r in suite.rules]


def assay(frame: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """The rows with `_mask0`, `_mask1`, ...: one bit a failed check, NULL where none; `verdict`; and `_failed`.

    `_failed` says for every failed check its id, text, columns and values, on rows whose verdict is not ok.

    | quantity | _mask0 | verdict    | _failed                                                            |
    |----------|--------|------------|--------------------------------------------------------------------|
    | 3        | NULL   | ok         | NULL                                                               |
    | NULL     | 1      | quarantine | [{quantity_there, quantity is not NULL, [quantity], [NULL]}]       |
    """
    from pyspark.sql import functions as F

    masks = mask_columns(checks)
    _refuse_clashes(frame, checks, masks)
    own = [column(name) for name in frame.columns]
    bits = [_bits(checks[i : i + BITS]).alias(masks[i // BITS]) for i in range(0, len(checks), BITS)]
    judged = frame.select(*own, *bits)
    verdict = _verdict(checks)
    kept = [F.nullif(column(mask), F.lit(0).cast("bigint")).alias(mask) for mask in masks]
    return judged.select(*own, *kept, verdict.alias(VERDICT), _reasons(checks, frame).alias(FAILED))


def mask_columns(checks: Sequence[Check]) -> list[str]:
    """The names of the columns that hold the bits of these checks."""
    return [f"{MASK}{i}" for i in range(-(-len(checks) // BITS))]

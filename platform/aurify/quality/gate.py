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


def _refuse_clashes(frame: DataFrame, checks: Sequence[Check], masks: Sequence[str]) -> None:
    """Stop where a column of the frame has a name of the gate's, or two checks have one id."""
    ours = {*masks, VERDICT, FAILED}
    taken = sorted(name for name in frame.columns if name.lower() in ours)
    if taken:
        raise ConfigurationError.of("gate", f"columns {', '.join(taken)}", "names that the gate leaves free")
    ids = [check.id for check in checks]
    double = sorted({i for i in ids if ids.count(i) > 1})
    if double:
        raise ConfigurationError.of("gate", f"several checks named {', '.join(double)}", "one check an id")


def _bits(checks: Sequence[Check]) -> Column:
    """One bit a check that fails, as a sum of plain CASE WHENs, which Spark compiles into the pass."""
    from pyspark.sql import functions as F

    none = F.lit(0).cast("bigint")
    set_bits = [F.when(c.fails, F.lit(1 << i).cast("bigint")).otherwise(none) for i, c in enumerate(checks)]
    return balanced(set_bits, lambda a, b: a.bitwiseOR(b))


def _is_set(checks: Sequence[Check], on_fail: OnFail) -> Column | None:
    """Whether any check of this consequence failed; None where there is no such check."""
    from pyspark.sql import functions as F

    parts = []
    for number, mask in enumerate(mask_columns(checks)):
        of_mask = checks[number * BITS : (number + 1) * BITS]
        bits = sum(1 << i for i, c in enumerate(of_mask) if c.on_fail is on_fail)
        if bits:
            parts.append(column(mask).bitwiseAND(F.lit(bits).cast("bigint")) != 0)
    return balanced(parts, lambda a, b: a | b) if parts else None


def _verdict(checks: Sequence[Check]) -> Column:
    """The gravest consequence among the checks that failed; a warning alone is ok."""
    from pyspark.sql import functions as F

    verdict = F.lit(OK)
    for on_fail in (OnFail.DROP, OnFail.QUARANTINE, OnFail.FAIL):
        failed = _is_set(checks, on_fail)
        if failed is not None:
            verdict = F.when(failed, F.lit(on_fail.value)).otherwise(verdict)
    return verdict


def _reasons(checks: Sequence[Check], frame: DataFrame) -> Column:
    """Every failed check with its values; NULL, and never evaluated, on rows that are ok."""
    from pyspark.sql import functions as F

    told = []
    for number, check in enumerate(checks):
        bit = F.lit(1 << (number % BITS)).cast("bigint")
        failed = column(f"{MASK}{number // BITS}").bitwiseAND(bit) != 0
        told.append(F.when(failed, _reason(check, frame)))
    if not told:
        return F.lit(None).cast(FAILED_TYPE)
    reasons = F.filter(F.array(*told), lambda reason: reason.isNotNull())
    return F.when(_verdict(checks) != OK, reasons).cast(FAILED_TYPE)


def _reason(check: Check, frame: DataFrame) -> Column:
    """What failed, and the values as text; binary ones in hexadecimal, which is always text."""
    from pyspark.sql import functions as F

    binary = {field.name for field in frame.schema.fields if field.dataType.typeName() == "binary"}
    own = tuple(F.hex(column(name)) if name in binary else column(name) for name in check.columns)
    values = check.shown if check.shown is not None else own
    return F.struct(
        F.lit(check.id).alias("id"),
        F.lit(check.text).alias("rule"),
        F.array(*map(F.lit, check.columns)).cast("array<string>").alias("columns"),
        F.array(*(v.cast("string") for v in values)).cast("array<string>").alias("values"),
    )

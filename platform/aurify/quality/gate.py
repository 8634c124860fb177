"""The gate: every check of a batch in one pass, each evaluated once, into bits, a verdict and reasons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError
from aurify.quality.bits import Slot, mask_columns, slots_of
from aurify.quality.row_rules import failing, judges_rows, looked_at, row_expectation_of
from aurify.quality.row_rules.domain import balanced, column
from aurify.quality.row_rules.places import place_of
from aurify.quality.rule import OnFail, Rule, Scope

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructType

    from aurify.quality.suite import Suite

OF_A_BATCH = (Scope.ROW, Scope.BATCH)
VERDICT = "verdict"
FAILED = "_failed"
OK = "ok"
FAILED_TYPE = "array<struct<id:string,rule:string,columns:array<string>,values:array<string>>>"


@dataclass(frozen=True)
class Check:
    """What must hold of a row: a rule of the suite, or one that the engine adds.

    `failing` is TRUE where the row fails; NULL counts as passed. `meets` is TRUE on the rows that the check is for,
    `looked_at` FALSE on those that it passes over; None where that is all rows, or where it passes over the NULLs
    of the one column `nulls_of`. `decides` is whether the verdict on the row follows from it. `shown` is what a
    failed row reports as values, where that is not what stands in `columns`.
    """

    id: str
    text: str
    columns: tuple[str, ...]
    on_fail: OnFail
    failing: Column | Callable[[], Column] = field(compare=False)
    shown: tuple[Column, ...] | None = field(default=None, compare=False)
    meets: Callable[[], Column] | None = field(default=None, compare=False)
    looked_at: Callable[[], Column] | None = field(default=None, compare=False)
    nulls_of: str = ""
    undetermined: bool = False
    decides: bool = True

    @property
    def fails(self) -> Column:
        """The condition, built when it is asked for."""
        return self.failing() if callable(self.failing) else self.failing


def checks_of(suite: Suite, schema: StructType, scopes: Collection[Scope] = OF_A_BATCH) -> list[Check]:
    """The row rules of a suite, of some scopes, as checks of rows of this schema."""
    return [_check(rule, schema) for rule in suite.rules if judges_rows(rule) and rule.scope in scopes]


def _check(rule: Rule, schema: StructType) -> Check:
    expectation = row_expectation_of(rule)
    over = partial(looked_at, rule, schema)
    passes_over = not expectation.looks_at_null and rule.kwargs.get("ignore_row_if") not in ("neither", "never")
    told_by_footer = passes_over and rule.condition is None and _has_null_count(rule.columns, schema)
    return Check(
        id=rule.id,
        text=rule.text,
        columns=rule.columns,
        on_fail=rule.on_fail,
        failing=partial(failing, rule, schema),
        meets=rule.condition.column if rule.condition is not None else None,
        looked_at=over if passes_over and not told_by_footer else None,  # type: ignore[arg-type]
        nulls_of=rule.columns[0] if told_by_footer else "",
        undetermined=expectation.undetermined,
        decides=rule.scope is Scope.ROW,
    )


def _has_null_count(columns: Sequence[str], schema: StructType) -> bool:
    """Whether the footer of a Parquet file counts the NULLs of what a rule looks at: one flat column."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    if len(columns) != 1 or columns[0] not in schema.names:
        return False
    return not isinstance(schema[columns[0]].dataType, ArrayType | MapType | StructType)


def assay(frame: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """The rows with `_mask0`, `_mask1`, ...: the bits of the checks, NULL where none is set; `verdict`; and `_failed`.

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
    judged = frame.select(*own, *_masks(checks))
    verdict = _verdict(checks)
    kept = [F.nullif(column(mask), F.lit(0).cast("bigint")).alias(mask) for mask in masks]
    return judged.select(*own, *kept, verdict.alias(VERDICT), _reasons(checks, frame).alias(FAILED))


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


def _masks(checks: Sequence[Check]) -> list[Column]:
    """The masks: of every check one bit, as a tree of plain CASE WHENs, which Spark compiles into the pass."""
    by_mask: dict[str, list[Column]] = {}
    for check, slot in zip(checks, slots_of(checks), strict=True):
        by_mask.setdefault(slot.column, []).append(_bit(check, slot))
    return [balanced(bits, lambda a, b: a.bitwiseOR(b)).alias(mask) for mask, bits in by_mask.items()]


def _bit(check: Check, slot: Slot) -> Column:
    """The one bit of a check that is set in a row; 0 where the row passed."""
    from pyspark.sql import functions as F

    def constant(bit: int) -> Column:
        return F.lit(bit).cast("bigint")

    if slot.unknown:
        bit = F.coalesce(check.fails.cast("bigint") * constant(slot.failed), constant(slot.unknown))
    else:
        bit = F.when(check.fails, constant(slot.failed)).otherwise(constant(0))
    if check.looked_at is not None:
        bit = F.when(check.looked_at(), bit).otherwise(constant(slot.skipped))
    if check.meets is not None:
        bit = F.when(check.meets(), bit).otherwise(constant(slot.outside))
    return bit


def _is_set(checks: Sequence[Check], on_fail: OnFail) -> Column | None:
    """Whether any check of this consequence failed; None where there is no such check."""
    from pyspark.sql import functions as F

    bits: dict[str, int] = {}
    for check, slot in zip(checks, slots_of(checks), strict=True):
        if check.on_fail is on_fail and check.decides:
            bits[slot.column] = bits.get(slot.column, 0) | slot.failed
    parts = [column(mask).bitwiseAND(F.lit(of).cast("bigint")) != 0 for mask, of in bits.items()]
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
    """Every failed check with its values; NULL, and never evaluated, on rows that are ok.

    Joined with `concat`, which Spark compiles; a filter over an array of all of them would leave compiled code.
    """
    from pyspark.sql import functions as F

    none = F.array().cast(FAILED_TYPE)
    told = []
    for check, slot in zip(checks, slots_of(checks), strict=True):
        failed = column(slot.column).bitwiseAND(F.lit(slot.failed).cast("bigint")) != 0
        told.append(F.when(failed, F.array(_reason(check, frame)).cast(FAILED_TYPE)).otherwise(none))
    if not told:
        return F.lit(None).cast(FAILED_TYPE)
    return F.when(_verdict(checks) != OK, F.concat(*told))


def _reason(check: Check, frame: DataFrame) -> Column:
    """What failed, and the values as text; binary ones in hexadecimal, which is always text."""
    from pyspark.sql import functions as F

    values = check.shown if check.shown is not None else tuple(_text_of(name, frame.schema) for name in check.columns)
    return F.struct(
        F.lit(check.id).alias("id"),
        F.lit(check.text).alias("rule"),
        F.array(*map(F.lit, check.columns)).cast("array<string>").alias("columns"),
        F.array(*(v.cast("string") for v in values)).cast("array<string>").alias("values"),
    )


def _text_of(name: str, schema: StructType) -> Column:
    """What stands in a column, or in a field of structs, as text."""
    from pyspark.sql import functions as F

    place = place_of(name, schema)
    value = place.column if place is not None else column(name)
    return F.hex(value) if place is not None and place.kind.typeName() == "binary" else value

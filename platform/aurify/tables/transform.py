"""From a function's output to rows of the contract: cast, checked, one verdict each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aurify.config.columns import sql_type
from aurify.config.names import quoted
from aurify.errors import AurifyError, ConfigurationError, Problem, did_you_mean
from aurify.features.view import ViewFunction
from aurify.publish.merge import ranks
from aurify.publish.ranges import RANGE, Bounds, in_ranges
from aurify.publish.target import DELETED, Target
from aurify.quality import Check, OnFail
from aurify.scoring.table import BY_MODEL
from aurify.tables.spec import TableSpec

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

MALFORMED = "_malformed"
RAW, POINTERS = "_raw", "_pointers"
OURS = "_aurify"


def call(spec: TableSpec, target: Target, frames: Mapping[str, DataFrame], only: Column | None = None) -> DataFrame:
    """What the table's function makes of its inputs; stops where that has not the contract's columns.

    `only` says which rows are needed: a feature view does not compute the others.
    """
    from pyspark.sql import DataFrame as Frame

    try:
        if only is not None and isinstance(spec.function, ViewFunction):
            made = spec.function.of_some(only, **frames)
        else:
            made = spec.function(**frames)
    except AurifyError:
        raise
    except Exception as error:
        place = f"{spec.file}, {getattr(spec.function, '__name__', 'the function')}()"
        said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        raise ConfigurationError.of(spec.name, said, "a function that gives a DataFrame", f"mend {place}") from error
    if not isinstance(made, Frame):
        raise ConfigurationError.of(spec.name, f"the function gave {type(made).__name__}", "a DataFrame", spec.file)
    refuse_columns(spec, target, made)
    return made


def contract_rows(target: Target, made: DataFrame) -> DataFrame:
    """The function's rows cast to the contract, with what the casts destroyed, and its pointer columns."""
    from pyspark.sql import functions as F

    types = {f.name: f.dataType for f in made.schema.fields}
    fields = target.schema.fields
    cast = [f for f in fields if not is_lossless(types[f.name], f.dataType)]
    kept = [F.col(quoted(f.name)).alias(f"_was_{f.name}") for f in cast]
    values = [_cast(f.name, types[f.name], f.dataType).alias(f.name) for f in fields]
    pointers = pointer_columns(target, made)
    malformed = [F.col(MALFORMED)] if MALFORMED in made.columns else []
    rows = made.select(*values, *kept, *map(quoted, pointers), *malformed)
    destroyed = {f.name: _destroyed(f.name) for f in cast}
    return rows.select(
        *(quoted(f.name) for f in fields),
        *map(quoted, pointers),
        raw_texts(destroyed, bool(malformed)).alias(RAW),
    )


def pointer_columns(target: Target, made: DataFrame) -> list[str]:
    """The columns of a function's output that point at its input; they are kept for rows that fail."""
    known = {*target.schema.fieldNames(), MALFORMED, RAW, POINTERS}
    return [n for n in made.columns if n.startswith("_") and not n.startswith(OURS) and n not in known]


def refuse_columns(spec: TableSpec, target: Target, made: DataFrame) -> None:
    """Stop where the function's columns are not the contract's; nothing is dropped in silence."""
    known = target.schema.fieldNames()
    missing = [n for n in known if n not in made.columns]
    extra = [n for n in made.columns if n not in known and not n.startswith("_")]
    problems = [
        Problem(spec.file or spec.name, f"no column {n}", "every column of `columns`", did_you_mean(n, extra), n)
        for n in missing
    ] + [
        Problem(spec.file or spec.name, f"column {n}", "only columns of `columns`", "declare it, or leave it out", n)
        for n in extra
        if n not in missing
    ]
    if problems:
        raise ConfigurationError(f"{spec.name}: the function's output is not its contract", problems)


_WIDTH = {"tinyint": 1, "smallint": 2, "int": 3, "bigint": 4}


def is_lossless(have: DataType, want: DataType) -> bool:
    """Whether a cast can't destroy a value."""
    from pyspark.sql.types import DecimalType

    source, goal = have.simpleString(), want.simpleString()
    if source == goal or source == "void" or (goal == "string" and "<" not in source):
        return True
    if isinstance(have, DecimalType) and isinstance(want, DecimalType):
        return want.scale >= have.scale and want.precision - want.scale >= have.precision - have.scale
    widening = _WIDTH.get(source, 9) <= _WIDTH.get(goal, 0)
    return widening or (source, goal) in {("date", "timestamp"), ("float", "double"), ("int", "double")}


def _cast(name: str, have: DataType, want: DataType) -> Column:
    from pyspark.sql import functions as F

    if have == want:
        return F.col(quoted(name))
    if is_lossless(have, want):
        return F.col(quoted(name)).cast(want)
    return F.expr(f"try_cast({quoted(name)} AS {sql_type(want)})")


def _destroyed(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(quoted(f"_was_{name}")).isNotNull() & F.col(quoted(name)).isNull()


def raw_texts(destroyed: Mapping[str, Column], malformed: bool) -> Column:
    """The text of every value that a cast destroyed, and of a row that was no row; NULL where there is none.

    `destroyed` says of which columns; what stood there is in `_was_<name>`.
    """
    from functools import reduce
    from operator import or_

    from pyspark.sql import functions as F

    found = {name: (gone, F.col(quoted(f"_was_{name}"))) for name, gone in destroyed.items()}
    if malformed:
        found[MALFORMED] = (F.col(MALFORMED).isNotNull(), F.col(MALFORMED))
    if not found:
        return F.lit(None).cast("map<string,string>")
    pairs = [F.struct(F.lit(n).alias("k"), F.when(gone, v.cast("string")).alias("v")) for n, (gone, v) in found.items()]
    told = F.map_from_entries(F.filter(F.array(*pairs), lambda pair: pair["v"].isNotNull()))
    return F.when(reduce(or_, (gone for gone, _ in found.values())), told)


def pointers(names: Sequence[str]) -> Column:
    """The pointer columns as one map of texts."""
    from pyspark.sql import functions as F

    if not names:
        return F.lit(None).cast("map<string,string>")
    return F.create_map(*(part for n in names for part in (F.lit(n), F.col(quoted(n)).cast("string"))))


def built_in_checks(spec: TableSpec, target: Target, castable: Sequence[str]) -> list[Check]:
    """What must hold of every table: values survive their cast, keys and order are there, rows are whole."""
    from pyspark.sql import functions as F

    def destroyed(name: str) -> Column:
        return F.col(RAW).isNotNull() & F.coalesce(F.map_contains_key(F.col(RAW), name), F.lit(False))

    def check(id: str, text: str, columns: tuple[str, ...], failing: Column) -> Check:
        return Check(id=id, text=text, columns=columns, on_fail=OnFail.QUARANTINE, failing=failing)

    types = {f.name: f.dataType.simpleString() for f in target.schema.fields}
    checks = [check(f"cast({n})", f"{n} is a {types[n]}", (n,), destroyed(n)) for n in castable]
    if spec.folder is not None and spec.folder.format == "csv":
        checks.append(check("row_shape", "the line has as many fields as the header", (), destroyed(MALFORMED)))
    for key in spec.keys:
        checks.append(check(f"key_not_null({key})", f"key {key} is there", (key,), F.col(quoted(key)).isNull()))
    if target.order_by is not None:
        order = F.col(quoted(target.order_by)).isNull()
        checks.append(check(f"order_not_null({target.order_by})", "the order is there", (target.order_by,), order))
    if spec.model:
        score, by_model = F.col("score"), F.col("decided_by") == BY_MODEL
        checks.append(check("scored", "the model gives a score", ("score",), score.isNull() & by_model))
        outside = ~score.between(0.0, 1.0)
        checks.append(check("score_in_range", "the score is between 0 and 1", ("score",), outside))
    return checks


def castable_columns(target: Target, made: DataFrame) -> list[str]:
    """The contract columns whose cast can destroy a value."""
    types = {f.name: f.dataType for f in made.schema.fields}
    return [f.name for f in target.schema.fields if f.name in types and not is_lossless(types[f.name], f.dataType)]


def newest_only(target: Target, rows: DataFrame, bounds: Bounds) -> DataFrame:
    """Of the rows that passed, all but the newest of a key become `superseded`.

    Failed rows compete with nobody, so that cutting a batch in two changes nothing. The rows come out
    sorted by `locate_by` within a task, and with `bounds` each task has one range of it.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    by = list(dict.fromkeys([*target.locate_by, *target.keys]))
    if bounds:
        rows, by = in_ranges(rows, target.locate_by[0], bounds), [RANGE, *by]
    order = [(F.col("verdict") == "ok").desc(), *(value.desc() for value in ranks(target))]
    place = F.row_number().over(Window.partitionBy(*map(quoted, by)).orderBy(*order))
    superseded = (F.col("verdict") == "ok") & (F.col("_place") > 1)
    ranked = rows.withColumn("_place", place)
    return ranked.withColumn("verdict", F.when(superseded, F.lit("superseded")).otherwise(F.col("verdict"))).drop(
        "_place", RANGE
    )


def withdrawn_rows(spec: TableSpec, target: Target, rows: DataFrame) -> DataFrame:
    """The function's results for rows that were taken away: deletes, not judged by the suite.

    One without a key or an order can't have been published; it is dropped.
    """
    from pyspark.sql import functions as F

    needed = [*spec.keys, str(target.order_by)]
    empty = F.col(quoted(needed[0])).isNull()
    for name in needed[1:]:
        empty = empty | F.col(quoted(name)).isNull()
    return rows.withColumn(DELETED, F.lit(True)).withColumn("verdict", F.when(empty, "drop").otherwise("ok"))

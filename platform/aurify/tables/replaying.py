"""What quarantine adds to a batch: rows that go through the gate again, and rows that people have accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aurify.config.columns import parse_columns
from aurify.config.names import quoted
from aurify.publish.batch_log import FileDelivery
from aurify.publish.literals import literal_rows
from aurify.publish.passed import ORIGIN, PLACE
from aurify.publish.read import read_version
from aurify.publish.target import Handle, Target
from aurify.publish.texts import from_text, has_text
from aurify.quality import Check, OnFail, Suite, checks_of
from aurify.tables.spec import SOURCE_COLUMNS, TableSpec
from aurify.tables.transform import MALFORMED, POINTERS, RAW, built_in_checks, raw_texts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ACCEPTED, VALUES, CONTENT, REPLAY_OF = "_aurify_accepted", "_aurify_values", "_aurify_content", "_replay_of"
# Without these a row can't be told from others, or not be ordered: no person can excuse it.
NEEDED = ("key_not_null(", "order_not_null(")
_GIVEN = "_aurify_is_given_"


@dataclass(frozen=True)
class FromQuarantine:
    """The rows that a replay takes, and how many; and, where groups are computed again, the rows that people accepted.

    `taken` are quarantine's rows with `_aurify_accepted`, the rules they are excused from, and `_aurify_values`,
    their repaired values as texts by column. `accepted` are such rows too.
    """

    taken: DataFrame | None = None
    rows: int = 0
    accepted: DataFrame | None = None


def repairable(spec: TableSpec) -> list[str]:
    """The columns that a person may repair: those of the contract, but not where the row came from.

    Nor maps whose keys are no texts: JSON has none.
    """
    own = parse_columns(SOURCE_COLUMNS).fieldNames() if spec.folder is not None else []
    return [f.name for f in spec.schema.fields if f.name not in own and has_text(f.dataType)]


def row_name() -> Column:
    """What people call a row of quarantine: generation, batch and place in it, `1-7-42`."""
    from pyspark.sql import functions as F

    return F.concat_ws("-", *(F.col(name).cast("string") for name in PLACE))


def content_id(target: Target, raw: Column, pointers: Column) -> Column:
    """The fingerprint of what the gate was handed, by which a row that is computed again is recognised."""
    from pyspark.sql import functions as F

    own = (F.col(quoted(f.name)) for f in target.schema.fields)
    return F.sha2(F.to_json(F.struct(*own, raw.alias(RAW), pointers.alias(POINTERS))), 256)


def restored_rows(spec: TableSpec, target: Target, taken: DataFrame) -> DataFrame:
    """Rows of quarantine as the gate was handed them, or as they were repaired.

    A value that a cast had destroyed is cast again from its text. `_aurify_origin` is where a row was.
    """
    from pyspark.sql import functions as F

    fields, can_be = target.schema.fields, set(repairable(spec))
    is_repaired = F.col(VALUES).isNotNull()
    nothing = F.map_from_arrays(F.array().cast("array<string>"), F.array().cast("array<string>"))
    raw = F.coalesce(RAW, nothing)

    def text(name: str) -> Column:
        return F.when(is_repaired, F.col(VALUES)[name]).otherwise(raw[name]) if name in can_be else raw[name]

    def is_given(name: str) -> Column:
        there = F.map_contains_key(raw, name)
        return is_repaired | there if name in can_be else there

    texts = [text(f.name).alias(f"_was_{f.name}") for f in fields]
    given = [is_given(f.name).alias(f"{_GIVEN}{f.name}") for f in fields]
    malformed = F.when(~is_repaired, raw[MALFORMED]).alias(MALFORMED)
    trace = F.create_map(F.lit(REPLAY_OF), row_name())
    kept = F.map_filter(F.coalesce(POINTERS, nothing), lambda name, _: name != REPLAY_OF)
    own = [quoted(f.name) for f in fields]
    told = taken.select(
        *own,
        *texts,
        *given,
        malformed,
        F.map_concat(kept, trace).alias(POINTERS),
        ACCEPTED,
        F.struct(*PLACE).alias(ORIGIN),
    )
    values = [
        F.when(F.col(quoted(f"{_GIVEN}{f.name}")), from_text(f"_was_{f.name}", f.dataType))
        .otherwise(F.col(quoted(f.name)))
        .alias(f.name)
        for f in fields
    ]
    was = [quoted(f"_was_{f.name}") for f in fields]
    rows = told.select(*values, *was, MALFORMED, POINTERS, ACCEPTED, ORIGIN)
    destroyed = {f.name: F.col(quoted(f"_was_{f.name}")).isNotNull() & F.col(quoted(f.name)).isNull() for f in fields}
    return rows.select(*own, raw_texts(destroyed, malformed=True).alias(RAW), POINTERS, ACCEPTED, ORIGIN)


def checks_of_replay(spec: TableSpec, target: Target, suite: Suite) -> list[Check]:
    """What single rows are judged by when they come again; one that fails stays, whatever would stop a batch."""
    from pyspark.sql.types import StringType

    castable = [f.name for f in target.schema.fields if not isinstance(f.dataType, StringType)]
    of_rows = [check for check in checks_of(suite, target.schema) if check.decides]
    checks = [*built_in_checks(spec, target, castable), *of_rows]
    return excused([replace(c, on_fail=OnFail.QUARANTINE) if c.on_fail is OnFail.FAIL else c for c in checks])


def excused(checks: Sequence[Check]) -> list[Check]:
    """The checks, passed by rows that a person has excused from them in `_aurify_accepted`."""
    return [c if c.id.startswith(NEEDED) else replace(c, failing=partial(_fails_unexcused, c)) for c in checks]


def _fails_unexcused(check: Check) -> Column:
    from pyspark.sql import functions as F

    return check.fails & ~F.coalesce(F.array_contains(ACCEPTED, check.id), F.lit(False))


def with_accepted(target: Target, rows: DataFrame, accepted: DataFrame, pointers: Column) -> DataFrame:
    """The rows with the rules that people have excused them from, found by their content."""
    from pyspark.sql import functions as F

    id = content_id(target, F.col(RAW), F.col(POINTERS)).alias(CONTENT)
    rules = F.array_distinct(F.flatten(F.collect_list(ACCEPTED))).alias(ACCEPTED)
    known = accepted.select(id, ACCEPTED).groupBy(CONTENT).agg(rules)
    found = rows.withColumn(CONTENT, content_id(target, F.col(RAW), pointers))
    return found.join(F.broadcast(known), [CONTENT], "left").drop(CONTENT)


def delivered_again(rows: DataFrame, files: Sequence[FileDelivery]) -> DataFrame:
    """The rows of some files, as rows of these deliveries of them."""
    from pyspark.sql import functions as F

    said = [{"_source_file": f.path, "_aurify_number": f.delivery, "_aurify_ms": f.delivered_ms} for f in files]
    columns = "_source_file string, _aurify_number int, _aurify_ms bigint"
    known = F.broadcast(literal_rows(rows.sparkSession, said, columns))
    labels = {"_delivery": F.col("_aurify_number"), "_delivered_at": F.timestamp_millis("_aurify_ms")}
    return rows.join(known, ["_source_file"]).select(
        *(labels[name].alias(name) if name in labels else quoted(name) for name in rows.columns)
    )


def standing_rows(target: Target, handle: Handle, files: Sequence[FileDelivery], like: DataFrame) -> DataFrame:
    """What the table holds of some files, as rows of the next deliveries of them."""
    from pyspark.sql import functions as F

    held = read_version(like.sparkSession, handle, {"_source_file": sorted(f.path for f in files)})
    said = [{"_source_file": f.path, "_aurify_last": f.delivery - 1} for f in files]
    last = literal_rows(like.sparkSession, said, "_source_file string, _aurify_last int")
    newest = held.join(F.broadcast(last), ["_source_file"]).where("_delivery = _aurify_last")
    return delivered_again(newest.select(*(quoted(f.name) for f in target.schema.fields)), files)

"""Window features of every event of a frame: one shuffle by entity, whatever the number of windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, no_column
from aurify.features.windows import (
    COUNTED,
    LAG,
    OF_FLAGS,
    OF_NUMBERS,
    WHOLE_NUMBERS,
    Lag,
    Window,
    is_known,
    keys_of,
    window_problems,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType, StructType

    from aurify.features.rolling import Flags, Values

ROWS_AT_ONCE = 500_000
SPREAD = 32
_AT, _AVAILABLE, _ASKED = "_aurify_at", "_aurify_available", "_aurify_asked"
_NEVER = (1 << 63) - 1
_PLAIN = ("boolean", "byte", "short", "integer", "long", "float", "double")  # NumPy makes the same doubles of them
_TIMES = ("timestamp", "timestamp_ntz", "date")
_APART = ("string", "date", "timestamp", "timestamp_ntz", "boolean", "byte", "short", "integer", "long", "decimal")


def with_windows(
    events: DataFrame,
    windows: Sequence[Window | Lag],
    *,
    entity: str | Sequence[str],
    event_time: str,
    arrival_time: str | None = None,
    prefix: str = "",
    only: Column | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
) -> DataFrame:
    """Every event once, with a column for each window: what was known of its entity at its own time.

    A window looks at the events of the entity in (t - delay - over, t - delay], t being the row's `event_time`; the
    row itself and others of the same moment are among them. One that was not there by then, because its
    `arrival_time` is later than t or NULL, is left out. Where entity or time is NULL, the features are NULL. Counts
    are bigint, all others double, sums in the unit of their column. Every feature's name begins with `prefix`.
    With a condition `only`, the events that it does not hold for are looked at, but not given.

    One shuffle for each entity, which is one, but for windows with `by`. The windows are computed in NumPy, in slices
    of whole entities of about `rows_at_once` rows. An entity's events must fit into the memory of a Python worker.
    ConfigurationError tells what does not fit together.
    """
    keys = (entity,) if isinstance(entity, str) else tuple(entity)
    _refuse_misfits(events, windows, keys, event_time, arrival_time, prefix)
    by_entity: dict[tuple[str, ...], list[Window | Lag]] = {}
    for window in windows:
        by_entity.setdefault(keys_of(window, keys), []).append(window)
    made = events
    for of, own in by_entity.items():
        asked = only if of == list(by_entity)[-1] else None  # the others are looked at by the next entity's windows
        made = _with_windows_of(made, own, of, event_time, arrival_time, prefix, asked, rows_at_once)
    return made.select(*map(quoted, events.columns), *(quoted(prefix + window.name) for window in windows))


def _with_windows_of(
    events: DataFrame,
    windows: Sequence[Window | Lag],
    keys: Sequence[str],
    event_time: str,
    arrival_time: str | None,
    prefix: str,
    only: Column | None,
    rows_at_once: int,
) -> DataFrame:
    """The windows of one entity."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import DoubleType, LongType, StructField, StructType

    own = {name: f"_{place}" for place, name in enumerate(events.columns)}  # Python takes no odd names
    at = F.unix_micros(F.col(quoted(event_time)).cast("timestamp"))
    # what Python can read of the row's own columns is not sent a second time
    made = {} if events.schema[event_time].dataType.typeName() == "timestamp" else {_AT: at}
    read: dict[tuple[str, str], str] = {}
    for place, (name, what) in enumerate(sorted({w.reading for w in windows if w.column})):
        is_plain = what != "numbers" or events.schema[name].dataType.typeName() in _PLAIN
        read[name, what] = own[name] if is_plain else f"{_AT}_{place}"
        made |= {} if is_plain else {f"{_AT}_{place}": F.col(quoted(name)).cast("double")}
    prepared = events.select(
        *(F.col(quoted(name)).alias(place) for name, place in own.items()),
        *(column.alias(name) for name, column in made.items()),
        *([_available(at, arrival_time)] if arrival_time else []),
        *([F.coalesce(only, F.lit(False)).alias(_ASKED)] if only is not None else []),
    )
    by, time = [own[name] for name in keys], _AT if _AT in made else own[event_time]
    # rows without an entity find nothing: they are spread, for all of them in one task would be one slow task
    hashed = [own[f.name] for f in events.schema.fields if "map<" not in f.dataType.simpleString()]
    has_all = reduce(and_, (F.col(name).isNotNull() for name in (*by, time)))
    spread = F.when(~has_all, F.pmod(F.xxhash64(*hashed), F.lit(SPREAD)))
    lagged = sorted({read[w.reading] for w in windows if isinstance(w, Lag)} - {*by, time})
    ordered = prepared.repartition(*map(F.col, by), spread).sortWithinPartitions(*by, time, *lagged)
    given = [StructField(own[field.name], field.dataType) for field in events.schema.fields]
    features = [
        StructField(prefix + w.name, LongType() if w.aggregate in WHOLE_NUMBERS else DoubleType()) for w in windows
    ]
    schema = StructType([*given, *features])
    plan = _Plan(by, time, read, list(windows), arrival_time is not None, only is not None, schema.names, rows_at_once)
    rolled = ordered.mapInArrow(partial(_rolled, plan=plan), schema)
    return rolled.toDF(*events.columns, *(field.name for field in features))


def _available(at: Column, arrival_time: str) -> Column:
    """The moment, in microseconds, from which an event is known."""
    from pyspark.sql import functions as F

    arrived = F.unix_micros(F.col(quoted(arrival_time)).cast("timestamp"))
    return F.greatest(at, F.coalesce(arrived, F.lit(_NEVER))).alias(_AVAILABLE)


@dataclass(frozen=True)
class _Plan:
    """What a Python worker is told: the columns of keys and time, and those that windows read."""

    keys: list[str]
    time: str
    read: dict[tuple[str, str], str]
    windows: list[Window | Lag]
    late: bool
    only: bool
    names: list[str]
    rows_at_once: int


def _rolled(batches: Iterator[pa.RecordBatch], plan: _Plan) -> Iterator[pa.RecordBatch]:
    """Whole entities at a time, with their features."""
    import pyarrow as pa

    own = len(plan.names) - len(plan.windows)
    for events in _whole_entities(batches, plan):
        asked = events[_ASKED].to_numpy() if plan.only else None
        kept = events if asked is None else events.filter(pa.array(asked))
        columns = [*kept.columns[:own], *_features(events, plan, asked)]
        yield from pa.Table.from_arrays(columns, plan.names).combine_chunks().to_batches()


def _whole_entities(batches: Iterator[pa.RecordBatch], plan: _Plan) -> Iterator[pa.Table]:
    """The sorted rows in tables that end where an entity does."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows < plan.rows_at_once:
            continue
        table = pa.Table.from_batches(held).combine_chunks()
        last = int(_starts(table, plan.keys)[-1])
        if last:
            yield table.slice(0, last)
        rest = table.slice(last)
        held, rows = rest.to_batches(), rest.num_rows
    if held:
        table = pa.Table.from_batches(held).combine_chunks()
        if table.num_rows:
            yield table


def _starts(table: pa.Table, keys: list[str]) -> Any:
    """The places where an entity begins."""
    import numpy as np
    import pyarrow.compute as pc

    is_new = np.zeros(table.num_rows, dtype=bool)
    is_new[0] = True
    for key in keys:
        column = table[key]
        differs = pc.not_equal(column.slice(1), column.slice(0, table.num_rows - 1))
        is_new[1:] |= pc.fill_null(differs, True).to_numpy(zero_copy_only=False).astype(bool)
    return np.flatnonzero(is_new)


def _features(events: pa.Table, plan: _Plan, asked: Flags | None) -> list[pa.Array]:
    """The features of the events that are asked for, of all without."""
    import numpy as np
    import pyarrow as pa

    from aurify.features.rolling import Events, rolled

    has_all = reduce(and_, (events[name].is_valid().to_numpy() for name in (*plan.keys, plan.time)))
    entity = np.zeros(events.num_rows, dtype=np.int64)
    entity[_starts(events, plan.keys)[1:]] = 1
    known = events.filter(pa.array(has_all))
    told = Events(
        np.cumsum(entity)[has_all],
        known[plan.time].cast(pa.int64()).to_numpy(),
        known[_AVAILABLE].to_numpy() if plan.late else None,
    )
    values = {(name, what): _values(known[column], what) for (name, what), column in plan.read.items()}
    found = rolled(told, values, plan.windows, None if asked is None else np.flatnonzero(asked[has_all]))
    is_known = has_all if asked is None else has_all[asked]
    arrays = []
    for numbers, there in (found[window.name] for window in plan.windows):
        whole = np.zeros(len(is_known), dtype=numbers.dtype)
        is_there = np.zeros(len(is_known), dtype=bool)
        whole[is_known], is_there[is_known] = numbers, there
        arrays.append(pa.array(whole, mask=~is_there))
    return arrays


def _values(column: pa.ChunkedArray, what: str) -> Values:
    """Numbers as they are, all else as a code for each value; of what is only counted, where it is there."""
    import numpy as np
    import pyarrow as pa

    from aurify.features.rolling import Values

    there = column.is_valid().to_numpy()
    if what == "presence":
        return Values(np.ones(len(there)), there)
    if what == "numbers":
        numbers = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        return Values(numbers.fill_null(0).to_numpy().astype(np.float64), there)
    codes = column.combine_chunks().dictionary_encode()
    codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    return Values(codes.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), there)


def _refuse_misfits(
    events: DataFrame,
    windows: Sequence[Window | Lag],
    keys: Sequence[str],
    event_time: str,
    arrival_time: str | None,
    prefix: str,
) -> None:
    """ConfigurationError with all that does not fit: columns, their types, lengths, names taken twice."""
    problems: list[Problem] = []
    others = [name for window in windows if window.by for name in keys_of(window, ())]
    for name in dict.fromkeys([*keys, *others, event_time, *([arrival_time] if arrival_time else [])]):
        if name not in events.columns:
            problems.append(no_column("with_windows", name, events.columns, "a column of the events"))
    for name in filter(None, (event_time, arrival_time)):
        kind = events.schema[name].dataType if name in events.columns else None
        if kind is not None and kind.typeName() not in _TIMES:
            problems.append(Problem("with_windows", f"{name} is {kind.simpleString()}", "a timestamp or a date"))
    if not keys:
        problems.append(Problem("with_windows", "no entity", "the columns that tell entities apart"))
    if not windows:
        problems.append(Problem("with_windows", "no window", "one Window or more"))
    problems += [problem for window in windows for problem in _of_window(window, events.schema)]
    names = [prefix + window.name for window in windows]
    double = sorted({n for n in names if names.count(n) > 1 or n in events.columns})
    problems += [
        Problem("with_windows", f"two columns named '{n}'", "names of their own", "give a prefix") for n in double
    ]
    if problems:
        raise ConfigurationError("with_windows", problems)


def _of_window(window: Window | Lag, schema: StructType) -> list[Problem]:
    where = f"with_windows: {window.name}"
    problems = [replace(problem, where=where, key="") for problem in window_problems(window)]
    if not window.column or not is_known(window):
        return problems
    if window.column not in schema.names:
        problems.append(no_column(where, window.column, schema.names, "a column of the events"))
    elif not _fits(window.aggregate, schema[window.column].dataType):
        kind = schema[window.column].dataType.simpleString()
        wanted = {"share": "a boolean", "distinct": "a text, a number, a date or a boolean"}
        problems.append(Problem(where, f"{window.column} is {kind}", wanted.get(window.aggregate, "a number")))
    return problems


def _fits(aggregate: str, kind: DataType) -> bool:
    from pyspark.sql.types import NumericType

    if aggregate in COUNTED:
        return True
    if aggregate in OF_FLAGS:
        return kind.typeName() == "boolean"
    return isinstance(kind, NumericType) if aggregate in (*OF_NUMBERS, LAG) else kind.typeName().split("(")[0] in _APART

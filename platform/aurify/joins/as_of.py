"""The as-of join: for every row the newest fact of its key that was there by its time; one sort, no join of ranges."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, no_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

HEAVY_ROWS = 1_000_000
PIECES = 32
TIMES = ("date", "timestamp", "timestamp_ntz")
_AT, _FACT, _ROW, _PIECE, _BEST = "_aurify_at", "_aurify_fact", "_aurify_row", "_aurify_piece", "_aurify_best"
_CARRIED, _CUTS = "_aurify_carried", "_aurify_cuts"


def as_of_join(
    rows: DataFrame,
    facts: DataFrame,
    *,
    on: str | Sequence[str],
    time: str,
    event_time: str,
    arrival_time: str | None = None,
    columns: Sequence[str] = (),
    prefix: str = "",
    tolerance: timedelta | None = None,
    order_by: Sequence[str] = (),
    heavy_rows: int = HEAVY_ROWS,
) -> DataFrame:
    """Every row of `rows`, once, with `columns` of the newest fact of its key that was available by its `time`.

    A fact is available from the later of `event_time` and `arrival_time`; one that becomes available at the very
    moment is. Among those available the latest by `event_time` wins; of equal ones the latest arrival, then the
    largest by `order_by`, then by the values taken. Where there is none, where the winner's event lies more than
    `tolerance` back, or where key or time is NULL, the columns are NULL. Facts without key or event are passed over;
    one without an arrival never became available.

    `on` are columns of both; all times have one type. `columns` are all but keys and times if none is named; `prefix`
    goes before their names. A key with more than `heavy_rows` rows is cut in pieces by time, so that no task sorts
    it whole; it costs a count first. ConfigurationError tells what does not fit together.
    """
    from pyspark.sql import functions as F

    keys = [on] if isinstance(on, str) else list(on)
    arrival = arrival_time or event_time
    taken = list(columns) or [n for n in facts.columns if n not in (*keys, event_time, arrival)]
    _refuse_misfits(rows, facts, keys, time, (event_time, arrival), taken, order_by, prefix)
    asked = rows.select(*map(_named, keys), F.col(quoted(time)).alias(_AT), F.struct("*").alias(_ROW))
    both = asked.unionByName(_available(facts, keys, event_time, arrival, taken, order_by), allowMissingColumns=True)
    best = _with_newest(both, keys, heavy_rows)
    is_fresh = F.col(_BEST).isNotNull()
    if tolerance is not None:
        days, seconds = tolerance.days, tolerance.seconds + tolerance.microseconds / 1_000_000
        back = F.expr(f"make_dt_interval({days}, 0, 0, CAST({seconds!r} AS decimal(18,6)))")
        is_fresh = is_fresh & (F.col(f"{_BEST}.rank.event") >= F.col(_AT) - back)
    values = [F.when(is_fresh, F.col(f"{_BEST}.values.{quoted(n)}")).alias(f"{prefix}{n}") for n in taken]
    own = [F.col(f"{_ROW}.{quoted(n)}").alias(n) for n in rows.columns]
    return best.where(F.col(_ROW).isNotNull()).select(*own, *values)


def _available(
    facts: DataFrame, keys: Sequence[str], event: str, arrival: str, taken: Sequence[str], order_by: Sequence[str]
) -> DataFrame:
    """The facts by the time from which they are available: what is taken, and a rank that compares as they win."""
    from pyspark.sql import functions as F

    rank = F.struct(
        F.col(quoted(event)).alias("event"),
        F.col(quoted(arrival)).alias("arrival"),
        *(F.col(quoted(name)).alias(f"order{i}") for i, name in enumerate(order_by)),
        *(_comparable(F.col(quoted(n)), facts.schema[n].dataType).alias(f"tie{i}") for i, n in enumerate(taken)),
    )
    fact = F.struct(rank.alias("rank"), F.struct(*map(_named, taken)).alias("values"))
    there = reduce(and_, (F.col(quoted(name)).isNotNull() for name in (*keys, event, arrival)))
    from_when = F.greatest(F.col(quoted(event)), F.col(quoted(arrival)))
    return facts.where(there).select(*map(_named, keys), from_when.alias(_AT), fact.alias(_FACT))


def _with_newest(both: DataFrame, keys: Sequence[str], heavy_rows: int) -> DataFrame:
    """Rows and facts with the best fact that came before or with them: a running maximum in the order of time."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    has_key = reduce(and_, (F.col(quoted(key)).isNotNull() for key in keys))
    cuts = _cuts(both.where(has_key), keys, heavy_rows)
    # rows without a key find nothing: they are spread, for all of them in one piece would be one slow task
    spread = F.pmod(F.xxhash64(_AT), F.lit(PIECES)).cast("int")
    if cuts is None:
        pieces = both.withColumn(_PIECE, F.when(~has_key, spread).otherwise(0))
    else:
        place = F.size(F.filter(_CUTS, lambda cut: cut < F.col(_AT)))
        found = both.join(F.broadcast(cuts), list(keys), "left")
        pieces = found.withColumn(_PIECE, F.when(~has_key, spread).when(F.col(_CUTS).isNull(), 0).otherwise(place))
    by = Window.partitionBy(*map(quoted, keys), _PIECE).orderBy(_AT, F.col(_ROW).isNotNull())
    so_far = by.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    best = pieces.withColumn(_BEST, F.max_by(_FACT, F.col(f"{_FACT}.rank")).over(so_far))
    return best if cuts is None else _with_carried(best, pieces.where(F.col(_CUTS).isNotNull()), keys)


def _cuts(both: DataFrame, keys: Sequence[str], heavy_rows: int) -> DataFrame | None:
    """The times at which keys with very many rows are cut; None where there is no such key."""
    from pyspark.sql import functions as F

    counted = both.groupBy(*map(quoted, keys)).agg(F.count(F.lit(1)).alias("rows"))
    heavy = counted.where(F.col("rows") > heavy_rows).drop("rows")
    if heavy.isEmpty():
        return None
    shares = [piece / PIECES for piece in range(1, PIECES)]
    cut = F.percentile_approx(_AT, F.array(*map(F.lit, shares))).alias(_CUTS)
    return both.join(F.broadcast(heavy), list(keys), "left_semi").groupBy(*map(quoted, keys)).agg(cut)


def _with_carried(best: DataFrame, heavy: DataFrame, keys: Sequence[str]) -> DataFrame:
    """The best fact with that of the key's earlier pieces in mind."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    of_piece = heavy.groupBy(*map(quoted, keys), _PIECE).agg(F.max_by(_FACT, F.col(f"{_FACT}.rank")).alias(_CARRIED))
    before = Window.partitionBy(*map(quoted, keys)).orderBy(_PIECE).rowsBetween(Window.unboundedPreceding, -1)
    carried = F.max_by(_CARRIED, F.col(f"{_CARRIED}.rank")).over(before).alias(_CARRIED)
    known = of_piece.select(*map(_named, keys), _PIECE, carried)
    both = best.join(F.broadcast(known), [*keys, _PIECE], "left")
    is_older = F.col(_BEST).isNull() | (F.col(f"{_CARRIED}.rank") > F.col(f"{_BEST}.rank"))
    return both.withColumn(
        _BEST, F.when(F.col(_CARRIED).isNotNull() & is_older, F.col(_CARRIED)).otherwise(F.col(_BEST))
    )


def _named(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(quoted(name)).alias(name)


def _comparable(value: Column, kind: DataType) -> Column:
    """The value, or where its type has no order, a text of it."""
    from pyspark.sql import functions as F

    return F.to_json(F.struct(value)) if "map<" in kind.simpleString() else value


def _refuse_misfits(
    rows: DataFrame,
    facts: DataFrame,
    keys: Sequence[str],
    time: str,
    fact_times: tuple[str, str],
    taken: Sequence[str],
    order_by: Sequence[str],
    prefix: str,
) -> None:
    """ConfigurationError with all that does not fit: columns, types of keys and times, names taken twice."""
    problems: list[Problem] = []
    for frame, where, names in (
        (rows, "rows", (*keys, time)),
        (facts, "facts", (*keys, *fact_times, *taken, *order_by)),
    ):
        for name in dict.fromkeys(names):
            if name not in frame.columns:
                problems.append(no_column(f"as_of_join: {where}", name, frame.columns, "a column of the frame"))
    if not keys:
        problems.append(Problem("as_of_join", "no key", "`on`: the columns that rows and facts share"))
    if not taken:
        problems.append(Problem("as_of_join", "nothing to take", "`columns` of the facts"))
    if not problems:
        problems = _of_types(rows, facts, keys, time, fact_times)
        double = sorted({f"{prefix}{name}" for name in taken} & set(rows.columns))
        hint = "give a prefix"
        problems += [Problem("as_of_join", f"two columns named '{n}'", "names of their own", hint) for n in double]
    if problems:
        raise ConfigurationError("as_of_join", problems)


def _of_types(
    rows: DataFrame, facts: DataFrame, keys: Sequence[str], time: str, fact_times: tuple[str, str]
) -> list[Problem]:
    def kind(frame: DataFrame, name: str) -> str:
        return str(frame.schema[name].dataType.simpleString())

    problems = [
        Problem(f"as_of_join: key {k}", f"{kind(rows, k)} in rows, {kind(facts, k)} in facts", "one type")
        for k in keys
        if kind(rows, k) != kind(facts, k)
    ]
    mine = kind(rows, time)
    if mine not in TIMES:
        problems.append(Problem(f"as_of_join: {time}", mine, " or ".join(TIMES)))
    problems += [
        Problem(f"as_of_join: {name}", kind(facts, name), f"{mine}, as {time}", "cast one of them")
        for name in dict.fromkeys(fact_times)
        if kind(facts, name) != mine
    ]
    return problems

"""The rewrite: rows that meet rows already there, settled in one Spark job and committed by delta-rs.

The live files that may hold a key of the batch are joined with the staged rows; the winners are written as new
files, the changes as images beside them, and one commit exchanges the files and names the images. It takes a
fifth of the Spark jobs of a MERGE, and counts what became of every row while it writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aurify.config.names import quoted
from aurify.publish.merge import content, rank
from aurify.publish.ranges import RANGE, Bounds, in_ranges
from aurify.publish.staged import StagedFiles
from aurify.publish.target import DELETED, Target
from aurify.storage import parquet_rows

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import Column, DataFrame

REWRITTEN, IMAGES, POWERLESS, CHANGE = "rewritten", "images", "powerless", "_change_type"
TERMS = ("inserted", "updated", "deleted", "stale", "unchanged")


def settled(target: Target, held: DataFrame, offered: DataFrame, oldest: datetime | None, bounds: Bounds) -> DataFrame:
    """Every row with the file it belongs to: `rewritten`, `images`, `stale` or `unchanged`, in `verdict`.

    `held` are the rows of the files to exchange, `offered` the staged rows, one a key, with `_deleted`.
    `oldest` is the time before which tombstones were forgotten. Of the stale rows, deletes that tie with a row that
    is there are `powerless`: put beats delete. With `bounds`, each task has one range of the first `locate_by`, which
    follows from the key.
    """
    from pyspark.sql import functions as F

    names = [f.name for f in target.physical_schema.fields]
    by = [f"_k{i}" for i in range(len(target.keys))]
    if bounds:
        held, offered = (in_ranges(rows, target.locate_by[0], bounds) for rows in (held, offered))
        by = [RANGE, *by]
        # Both sides are cut by the range alone: the join must not ask for a cut by all its keys.
        held.sparkSession.conf.set("spark.sql.requireAllClusterKeysForCoPartition", "false")
    ranged = by[:1] if bounds else []
    old = held.select(F.struct(*map(quoted, names)).alias("t"), *_keys(target), *ranged)
    marked = dict.fromkeys([*map(quoted, names), quoted(DELETED)])
    new = offered.select(F.struct(*marked).alias("s"), *_keys(target), *ranged)
    pairs = old.join(new.hint("shuffle_hash"), by, "full_outer")
    routed = pairs.select("t", "s", F.explode(_routes(target, oldest)).alias("_route"))
    from_old = F.col("_route.old")
    columns = [F.when(from_old, F.col(f"t.{quoted(n)}")).otherwise(F.col(f"s.{quoted(n)}")).alias(n) for n in names]
    return routed.select(*columns, F.col("_route.change").alias(CHANGE), F.col("_route.verdict").alias("verdict"))


def _keys(target: Target) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.col(quoted(key)).alias(f"_k{i}") for i, key in enumerate(target.keys)]


def _routes(target: Target, oldest: datetime | None) -> Column:
    """Where the rows of one key go: at most two images and one surviving row."""
    from pyspark.sql import functions as F

    has_old, has_new = F.col("t").isNotNull(), F.col("s").isNotNull()
    removes = F.coalesce(F.col(f"s.{DELETED}"), F.lit(False))
    same, loses = _comparison(target)
    met = has_old & has_new
    if target.mode == "recompute":
        wins_old, gone = met & (removes | ~same), met & removes
        new_rows = (has_new & ~has_old & ~removes) | (met & ~same & ~removes)
        insert, stale, powerless = has_new & ~has_old & ~removes, F.lit(False), F.lit(False)
    else:
        order = F.col(f"s.{quoted(str(target.order_by))}")
        forgotten = F.lit(False) if oldest is None else order < F.lit(oldest)
        wins_old, gone = met & ~same & ~loses, F.lit(False)
        insert = has_new & ~has_old & ~forgotten
        tied = met & loses & removes & (order == F.col(f"t.{quoted(str(target.order_by))}"))
        powerless = tied & ~F.coalesce(F.col(f"t.{DELETED}"), F.lit(False))
        new_rows, stale = insert | wins_old, ((met & loses) | (has_new & ~has_old & forgotten)) & ~powerless
    routes = [
        _route(has_old & ~wins_old, True, REWRITTEN, None),
        _route(new_rows, False, REWRITTEN, None),
        _route(insert, False, IMAGES, "insert"),
        _route(wins_old & ~gone, True, IMAGES, "update_preimage"),
        _route(wins_old & ~gone, False, IMAGES, "update_postimage"),
        _route(gone, True, IMAGES, "delete"),
        _route(stale, False, "stale", None),
        _route(powerless, False, POWERLESS, None),
        _route(met & same & ~(removes if target.mode == "recompute" else F.lit(False)), False, "unchanged", None),
    ]
    return F.filter(F.array(*routes), lambda route: route.isNotNull())


def _comparison(target: Target) -> tuple[Column, Column]:
    """Whether the staged row equals, and whether it loses to, the row that is there."""
    from pyspark.sql import functions as F

    if target.mode == "recompute":
        return content(target, "s").eqNullSafe(content(target, "t")), F.lit(False)
    new, old = rank(target, "s"), rank(target, "t")
    return new.eqNullSafe(old), new < old


def _route(condition: Column, old: bool, verdict: str, change: str | None) -> Column:
    from pyspark.sql import functions as F

    fields = (
        F.lit(old).alias("old"),
        F.lit(verdict).alias("verdict"),
        F.lit(change).cast("string").alias("change"),
    )
    return F.when(F.coalesce(condition, F.lit(False)), F.struct(*fields))


def count_images(staged: StagedFiles, *kinds: str) -> int:
    """Rows among the images of some kinds of change."""
    found = (parquet_rows(path, [CHANGE])[CHANGE] for path in staged.paths(IMAGES))
    return sum(int(pc.sum(pc.is_in(column, pa.array(kinds))).as_py() or 0) for column in found)


def terms(staged: StagedFiles, tombstones: bool) -> dict[str, int]:
    """What became of the rows offered, each term counted over the files it was written to."""
    counts = dict.fromkeys(TERMS, 0)
    columns = [CHANGE, DELETED] if tombstones else [CHANGE]
    for path in staged.paths(IMAGES):
        images = parquet_rows(path, columns)
        kinds: Mapping[str, int] = {
            str(pair["values"]): int(pair["counts"]) for pair in pc.value_counts(images[CHANGE]).to_pylist()
        }
        post = pc.equal(images[CHANGE], "update_postimage")
        gone = pc.sum(pc.and_(post, pc.fill_null(images[DELETED], False))).as_py() or 0 if tombstones else 0
        counts["inserted"] += kinds.get("insert", 0)
        counts["updated"] += kinds.get("update_postimage", 0) - gone
        counts["deleted"] += kinds.get("delete", 0) + gone
    counts["stale"] = staged.count("stale") + staged.count(POWERLESS)
    counts["unchanged"] = staged.count("unchanged")
    return counts

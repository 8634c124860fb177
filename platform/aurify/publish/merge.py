"""The MERGE of staged rows into a table: newest by order wins, removed keys leave or are deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.publish.committer import Stamp
from aurify.publish.target import DELETED, Target
from aurify.session import work_session

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def content(target: Target, side: str = "") -> Column:
    """All contract columns as one comparable value, NULLs in their place.

    A hash would not do: Spark's skip NULLs, so that different rows tie.
    """
    from pyspark.sql import functions as F

    return F.struct(*_comparable(target, side))


def _comparable(target: Target, side: str) -> list[Column]:
    from pyspark.sql import functions as F

    dot = f"{side}." if side else ""
    columns = []
    for field in target.schema.fields:
        value = F.col(f"{dot}{quoted(field.name)}")
        comparable = F.to_json(F.struct(value)) if "map<" in field.dataType.simpleString() else value
        columns.append(comparable.alias(field.name))
    return columns


def ranks(target: Target, side: str = "") -> list[Column]:
    """What two rows of one key are compared by, one after the other: order, then put before delete, then content."""
    from pyspark.sql import functions as F

    assert target.order_by is not None
    dot = f"{side}." if side else ""
    is_put = ~F.coalesce(F.col(f"{dot}{DELETED}"), F.lit(False))
    return [F.col(f"{dot}{quoted(target.order_by)}").alias("_o"), is_put.alias("_p"), *_comparable(target, side)]


def rank(target: Target, side: str = "") -> Column:
    """The same as one value."""
    from pyspark.sql import functions as F

    return F.struct(*ranks(target, side))


def merge_session(spark: SparkSession, stamp: Stamp) -> SparkSession:
    """A session for one MERGE alone: its transaction settings would swallow any other write."""
    session = work_session(spark)
    session.conf.set("spark.databricks.delta.write.txnAppId", stamp.app_id)
    session.conf.set("spark.databricks.delta.write.txnVersion", str(stamp.number))
    session.conf.set("spark.databricks.delta.commitInfo.userMetadata", stamp.user_metadata)
    return session


def merge(target: Target, source: DataFrame, located: Sequence[Column], oldest: datetime | None = None) -> None:
    """MERGE the source rows in the source's session.

    `located` are conditions by literals on the target `t`, so that Delta opens only the files that can match.
    `oldest` is the time before which tombstones were forgotten: an older row of an unknown key is stale.
    """
    from delta.tables import DeltaTable
    from pyspark.sql import functions as F

    session = source.sparkSession
    matches = [F.col(f"t.{quoted(k)}") == F.col(f"s.{quoted(k)}") for k in target.keys]
    condition = reduce(and_, [*matches, *located])
    own = {quoted(f.name): f"s.{quoted(f.name)}" for f in target.physical_schema.fields}
    merging = DeltaTable.forPath(session, target.path).alias("t").merge(source.alias("s"), condition)
    if target.mode == "upsert":
        merging = merging.whenMatchedUpdate(condition=rank(target, "s") > rank(target, "t"), set=dict(own))
        young = F.lit(True) if oldest is None else F.col(f"s.{quoted(str(target.order_by))}") >= F.lit(oldest)
        merging = merging.whenNotMatchedInsert(condition=young, values=dict(own))
    else:
        removed = F.col(f"s.{DELETED}")
        changed = ~content(target, "s").eqNullSafe(content(target, "t"))
        merging = merging.whenMatchedDelete(condition=removed)
        merging = merging.whenMatchedUpdate(condition=changed, set=dict(own))
        merging = merging.whenNotMatchedInsert(condition=~removed, values=dict(own))
    merging.execute()

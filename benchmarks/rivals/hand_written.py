"""Aurify's rival: the same three Delta tables from the same till files, by hand, with PySpark and Delta alone.

It checks every new file, keeps failed rows with their reasons and positions, records each batch before it starts and
pins the versions it reads, and writes every batch once by Delta's own txnAppId and txnVersion. It is as fast as its
writers could make it: good and failed rows come out of one cached pass, one shuffle serves both windows, a MERGE opens
only the days that it touches, and nothing is counted that no step needs. It keeps no balance and no ledger.

    python -m benchmarks.rivals.hand_written SOURCES WAREHOUSE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from benchmarks.rivals.batches import Batch, Batches, written_version
from benchmarks.rivals.file_checks import HEADER
from benchmarks.rivals.rules import DROPS, Rules, bronze_rules, failed_ids, fails, gold_rules, silver_rules

APP = "till lines"
SOURCE = ("_source_file", "_source_row", "_delivery")
LINE = ("line_id", "invoice_no", "stock_code", "line_no", "description", "quantity", "sold_at", "sold_date",
        "unit_price", "customer_id", "is_known_customer", "country", "is_cancelled", "changed_at")  # fmt: skip
SALES = ("sold_date", "country", "stock_code", "lines", "cancelled_lines", "units_sold", "units_returned",
         "gross_amount", "returned_amount", "net_amount", "invoices", "known_customers")  # fmt: skip
SETTINGS = {
    "spark.databricks.delta.properties.defaults.enableChangeDataFeed": "true",
    # one file a partition, so that a row's place in its partition is its place in the file
    "spark.sql.files.openCostInBytes": "1g",
    "spark.sql.files.maxPartitionBytes": "1g",
}
MOST_LITERALS = 1000


def refresh(spark: SparkSession, sources: str, warehouse: str) -> dict[str, str]:
    """Take all new files through bronze, silver and gold; gives what is wrong with the files that it left out."""
    session = spark.newSession()
    for key, value in SETTINGS.items():
        session.conf.set(key, value)
    lake = Path(warehouse)
    batches = Batches(lake / "control")
    batch, bad_files = batches.next(Path(sources))
    if batch is not None:
        write_bronze(session, Path(sources), lake, batch)
        days = write_silver(session, lake, batch)
        write_gold(session, lake, batch, days)
        batches.finish(batch)
    return bad_files


def write_bronze(spark: SparkSession, sources: Path, lake: Path, batch: Batch) -> None:
    """Append the lines of the batch's files as they came."""
    if written_version(lake / "bronze", APP, batch.number) is not None:
        return
    rules = bronze_rules()
    lines = till_lines(spark, sources, batch).withColumn("_fails", fails(rules))
    kept = lines.where(F.col("_fails") | ~F.coalesce(rules[DROPS], F.lit(False))).persist()
    raw = F.when(F.col("_malformed").isNotNull(), F.create_map(F.lit("_malformed"), F.col("_malformed")))
    columns = [*HEADER, *SOURCE, "_delivered_at"]
    quarantine(kept, rules, raw, columns, (), lake / "bronze_quarantine", batch)
    append(kept.where("NOT _fails").select(*columns), lake / "bronze", batch)
    kept.unpersist()


def till_lines(spark: SparkSession, sources: Path, batch: Batch) -> DataFrame:
    """The records of the files with their places; a line with too few or too many fields is in `_malformed`, too."""
    text = ", ".join(f"{name} string" for name in (*HEADER, "_malformed"))
    reader = spark.read.schema(text).options(header=True, escape='"', columnNameOfCorruptRecord="_malformed")
    in_partition = F.monotonically_increasing_id().bitwiseAND((1 << 33) - 1)
    lines = reader.csv([str(sources / f.name) for f in batch.files]).select(
        *HEADER,
        "_malformed",
        F.col("_metadata.file_name").alias("_source_file"),
        (in_partition + 1).alias("_source_row"),
        F.col("_metadata.file_modification_time").alias("_delivered_at"),
    )
    if not batch.again:
        return lines.coalesce(8).withColumn("_delivery", F.lit(1))
    known = spark.createDataFrame([(f.name, f.number, f.delivered_ms) for f in batch.files], "n string, d int, m long")
    joined = lines.coalesce(8).join(F.broadcast(known), F.col("_source_file") == F.col("n"), "inner")
    return joined.withColumn("_delivery", F.col("d")).withColumn("_delivered_at", F.timestamp_millis("m"))


def write_silver(spark: SparkSession, lake: Path, batch: Batch) -> list[date] | None:
    """Bring the batch's lines, and the ones that they replace, into silver; gives the days that it touched."""
    if written_version(lake / "silver", APP, batch.number) is not None:
        return None
    rules = silver_rules()
    rows = newest(numbered(typed(bronze_changes(spark, lake, batch), rules))).persist()
    good = rows.where("NOT _fails")
    days = [row[0] for row in good.select("sold_date").distinct().collect()]
    own = [column if column != "line_id" else line_id().alias("line_id") for column in LINE]
    quarantine(rows, rules, F.col("_raw"), own, SOURCE, lake / "silver_quarantine", batch)
    offered = good.select(*own, "_deleted")
    if holds_days(spark, lake / "silver", days):
        merge_lines(spark, offered, lake / "silver", days, batch)
    else:
        append(offered, lake / "silver", batch)
    rows.unpersist()
    return days


def bronze_changes(spark: SparkSession, lake: Path, batch: Batch) -> DataFrame:
    """The rows of the batch's version of bronze, and, marked as deleted, those that a new delivery replaces."""
    version = written_version(lake / "bronze", APP, batch.number)
    feed = spark.read.format("delta").option("readChangeFeed", True)
    feed = feed.option("startingVersion", version).option("endingVersion", version)
    new = feed.load(str(lake / "bronze")).drop("_change_type", "_commit_version", "_commit_timestamp")
    new = new.withColumn("_deleted", F.lit(None).cast("boolean"))
    if not batch.again:
        return new
    pinned = spark.read.format("delta").option("versionAsOf", version).load(str(lake / "bronze"))
    newer = spark.createDataFrame([(f.name, f.number, f.delivered_ms) for f in batch.again], "n string, d int, m long")
    is_replaced = (F.col("_source_file") == F.col("n")) & (F.col("_delivery") == F.col("d") - 1)
    old = pinned.where(F.col("_source_file").isin([f.name for f in batch.again]))
    old = old.join(F.broadcast(newer), is_replaced, "inner").withColumn("_delivery", F.col("d"))
    old = old.withColumn("_delivered_at", F.timestamp_millis("m")).withColumn("_deleted", F.lit(True))
    return new.unionByName(old.drop("n", "d", "m"))


def typed(lines: DataFrame, rules: Rules) -> DataFrame:
    """Clean text and types, and whether a line fails; one that is withdrawn is not judged."""
    cleaned = lines.select(
        code("InvoiceNo").alias("invoice_no"),
        code("StockCode").alias("stock_code"),
        text("Description").alias("description"),
        F.expr("try_cast(Quantity AS int)").alias("quantity"),
        F.expr("try_cast(InvoiceDate AS timestamp)").alias("sold_at"),
        F.expr("try_cast(UnitPrice AS decimal(12,4))").alias("unit_price"),
        F.nullif(F.trim("CustomerID"), F.lit("")).alias("customer"),
        text("Country").alias("country"),
        F.col("_delivered_at").alias("changed_at"),
        F.col("Quantity").alias("quantity_text"),
        F.col("InvoiceDate").alias("sold_at_text"),
        F.col("UnitPrice").alias("unit_price_text"),
        "_deleted",
        *SOURCE,
    )
    whole = F.col("customer").endswith(".0")
    judged = cleaned.select(
        "*",
        F.col("sold_at").cast("date").alias("sold_date"),
        F.when(whole, F.expr("left(customer, length(customer) - 2)")).otherwise(F.col("customer")).alias("customer_id"),
    ).withColumn("_fails", F.col("_deleted").isNull() & fails(rules))
    texts = {"quantity": "quantity_text", "sold_at": "sold_at_text", "unit_price": "unit_price_text"}
    raw = [F.struct(F.lit(n), F.when(F.col(n).isNull(), F.col(t))) for n, t in texts.items()]
    destroyed = F.map_from_entries(F.filter(F.array(*raw), lambda pair: pair["col2"].isNotNull()))
    lost = reduce(lambda a, b: a | b, (F.col(t).isNotNull() & F.col(n).isNull() for n, t in texts.items()))
    return judged.withColumn("_raw", F.when(F.col("_fails") & lost, destroyed)).where(
        "_deleted IS NULL OR (invoice_no IS NOT NULL AND stock_code IS NOT NULL AND sold_date IS NOT NULL)"
    )


def numbered(lines: DataFrame) -> DataFrame:
    """Add `line_no`, which counts the lines of one invoice and stock code within one delivery.

    Both windows, this one and that of `newest`, are served by the one shuffle by invoice and stock code.
    """
    place = Window.partitionBy("invoice_no", "stock_code", "_source_file", "_delivery", "_deleted")
    return lines.repartition("invoice_no", "stock_code").withColumn(
        "line_no", F.row_number().over(place.orderBy("_source_row"))
    )


def newest(lines: DataFrame) -> DataFrame:
    """All failed lines, and of the others the newest of each key; sorted by day within a partition."""
    order = [F.col(c).desc() for c in ("changed_at", "_put", "description", "quantity", "sold_at", "unit_price",
                                       "customer_id", "country")]  # fmt: skip
    key = Window.partitionBy("sold_date", "invoice_no", "stock_code", "line_no")
    place = F.row_number().over(key.orderBy(F.col("_fails"), *order))
    marked = lines.withColumn("_put", F.col("_deleted").isNull()).withColumn("_place", place)
    return marked.where("_fails OR _place = 1").select(
        *(c for c in LINE if c not in ("line_id", "is_known_customer", "is_cancelled")),
        F.col("customer_id").isNotNull().alias("is_known_customer"),
        F.col("invoice_no").startswith("C").alias("is_cancelled"),
        "_deleted",
        *SOURCE,
        "_fails",
        "_raw",
        "quantity_text",
        "sold_at_text",
        "unit_price_text",
    )


def line_id() -> Column:
    """What tells a line from all others."""
    parts = [
        F.col("invoice_no"),
        F.col("stock_code"),
        F.col("line_no").cast("string"),
        F.col("sold_date").cast("string"),
    ]
    return F.md5(F.concat(parts[0], F.lit("|"), parts[1], F.lit("|"), parts[2], F.lit("|"), parts[3]))


def code(column: str) -> Column:
    """A code in capitals without outer spaces."""
    return F.nullif(F.upper(F.trim(column)), F.lit(""))


def text(column: str) -> Column:
    """Text with one space between words."""
    return F.nullif(F.trim(F.regexp_replace(column, r"\s{2,}|[^\S ]", " ")), F.lit(""))


def holds_days(spark: SparkSession, table: Path, days: Sequence[date]) -> bool:
    """Whether a file of the table may hold lines of these days; Delta tells from its statistics."""
    if not (table / "_delta_log").exists():
        return False
    return bool(spark.read.format("delta").load(str(table)).where(in_days(days)).inputFiles())


def in_days(days: Sequence[date], side: str = "") -> str:
    """The condition that a row is of one of the days, in literals, so that Delta opens only their files."""
    if not days:
        return "false"
    if len(days) > MOST_LITERALS:
        return f"{side}sold_date BETWEEN DATE'{min(days)}' AND DATE'{max(days)}'"
    literals = ", ".join(f"DATE'{day}'" for day in sorted(days))
    return f"{side}sold_date IN ({literals})"


def merge_lines(spark: SparkSession, offered: DataFrame, table: Path, days: Sequence[date], batch: Batch) -> None:
    """Insert new lines; replace a line by a newer one, where a put beats a delete of the same time."""

    def rank(side: str) -> str:
        content = ", ".join(f"{side}.{column}" for column in LINE)
        return f"struct({side}.changed_at, NOT coalesce({side}._deleted, false), struct({content}))"

    spark.conf.set("spark.databricks.delta.write.txnAppId", APP)
    spark.conf.set("spark.databricks.delta.write.txnVersion", str(batch.number))
    try:
        merging = DeltaTable.forPath(spark, str(table)).alias("t")
        matched = merging.merge(offered.alias("s"), f"t.line_id = s.line_id AND {in_days(days, 't.')}")
        matched.whenMatchedUpdateAll(f"{rank('s')} > {rank('t')}").whenNotMatchedInsertAll().execute()
    finally:
        spark.conf.unset("spark.databricks.delta.write.txnAppId")
        spark.conf.unset("spark.databricks.delta.write.txnVersion")


def write_gold(spark: SparkSession, lake: Path, batch: Batch, days: Sequence[date] | None) -> None:
    """Compute the touched days again from the batch's version of silver, and replace them."""
    if written_version(lake / "gold", APP, batch.number) is not None:
        return
    version = written_version(lake / "silver", APP, batch.number)
    silver = spark.read.format("delta").option("versionAsOf", version).load(str(lake / "silver"))
    is_first = not (lake / "gold" / "_delta_log").exists()
    if not is_first:
        days = changed_days(spark, lake, version) if days is None else days
        silver = silver.where(in_days(days))
    rules = gold_rules()
    rows = daily_sales(silver.where("NOT coalesce(_deleted, false)")).withColumn("_fails", fails(rules)).persist()
    quarantine(rows, rules, F.lit(None).cast("map<string,string>"), SALES, (), lake / "gold_quarantine", batch)
    good = rows.where("NOT _fails").select(*SALES).sortWithinPartitions("sold_date")
    if is_first or not holds_days(spark, lake / "gold", days or ()):
        append(good, lake / "gold", batch)
    else:
        writing(good, batch).mode("overwrite").option("replaceWhere", in_days(days or ())).save(str(lake / "gold"))
    rows.unpersist()


def changed_days(spark: SparkSession, lake: Path, version: int | None) -> list[date]:
    """The days of silver that a version changed, for a run that was interrupted after silver."""
    feed = spark.read.format("delta").option("readChangeFeed", True)
    feed = feed.option("startingVersion", version).option("endingVersion", version)
    return [row[0] for row in feed.load(str(lake / "silver")).select("sold_date").distinct().collect()]


def daily_sales(lines: DataFrame) -> DataFrame:
    """What was sold by day, country and product."""
    money = "decimal(18,4)"
    sold, amount = ~F.col("is_cancelled"), (F.col("quantity") * F.col("unit_price")).cast(money)
    summed = lines.groupBy("sold_date", "country", "stock_code").agg(
        F.count("*").alias("lines"),
        F.count_if("is_cancelled").alias("cancelled_lines"),
        F.coalesce(F.sum(F.when(sold, F.col("quantity"))), F.lit(0)).alias("units_sold"),
        F.coalesce(F.sum(F.when(~sold, -F.col("quantity"))), F.lit(0)).alias("units_returned"),
        F.coalesce(F.sum(F.when(sold, amount)), F.lit(0)).alias("gross_amount_sum"),
        F.coalesce(F.sum(F.when(~sold, -amount)), F.lit(0)).alias("returned_amount_sum"),
        F.size(F.collect_set("invoice_no")).alias("invoices"),
        F.size(F.collect_set("customer_id")).alias("known_customers"),
    )
    summed = summed.withColumn("net_amount_sum", F.col("gross_amount_sum") - F.col("returned_amount_sum"))
    for name in ("gross_amount", "returned_amount", "net_amount"):
        summed = summed.withColumn(name, F.expr(f"try_cast({name}_sum AS {money})"))
    return summed


def quarantine(
    rows: DataFrame,
    rules: Rules,
    raw: Column,
    columns: Sequence[str | Column],
    pointers: Sequence[str],
    table: Path,
    batch: Batch,
) -> None:
    """Append the failed rows with the ids of all rules that they fail, what a cast destroyed, and where they stood."""
    failed = rows.where("_fails")
    if not failed.isEmpty():
        told = [failed_ids(rules).alias("_failed"), raw.alias("_raw"), F.lit(batch.number).alias("_batch")]
        append(failed.select(*columns, *pointers, *told), table, batch)


def append(rows: DataFrame, table: Path, batch: Batch) -> None:
    """Append once: Delta skips a batch that it has seen."""
    writing(rows, batch).mode("append").save(str(table))


def writing(rows: DataFrame, batch: Batch) -> Any:
    """A Delta write of the batch's number."""
    return rows.write.format("delta").option("txnAppId", APP).option("txnVersion", batch.number)


if __name__ == "__main__":
    for name, problem in refresh(SparkSession.builder.getOrCreate(), sys.argv[1], sys.argv[2]).items():
        print(f"{name}: left out: {problem}", file=sys.stderr)

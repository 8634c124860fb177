"""`features`: window and calendar features of card payments, against pandas and range windows of Spark by hand."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import program, results
from benchmarks.meter import Meter
from benchmarks.program import ROOT

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from aurify import Window

REAL = ROOT.parent / "shared" / "data" / "fraud_handbook" / "by-day"
GENERATED_ROWS, CUSTOMERS, TERMINALS, DAYS = 1_750_000, 5_000, 10_000, 183
LENGTHS, DELAY = (1, 7, 30), 7
PROGRAMS = ("aurify", "by_range_windows", "by_pandas")
RUNS = 3
DAY_US = 86_400_000_000


def measure(scratch: Path) -> None:
    """The programs take turns on the same file; their features must add up to the same."""
    source = scratch / "payments"
    rows = program.run("benchmarks.features:make", source=str(source))["returned"]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PROGRAMS}
    sums: dict[str, dict[str, float]] = {}
    for turn in range(RUNS):
        for name in PROGRAMS if turn % 2 == 0 else PROGRAMS[::-1]:
            out = scratch / f"{name}-{turn}"
            run = program.run(f"benchmarks.features:{name}", source=str(source), out=str(out))
            found[name].append(run["costs"]["work"][0])
            sums[name] = run["returned"]
            shutil.rmtree(out)
    _refuse_unlike(sums)
    ratios = {
        f"vs_{name.removeprefix('by_')}": {
            unit[:-2]: results.ratio(
                median(cost[unit] for cost in found["aurify"]), median(cost[unit] for cost in found[name])
            )
            for unit in ("wall_s", "cpu_s")
        }
        for name in PROGRAMS[1:]
    }
    told = {"source": "Fraud Detection Handbook" if REAL.is_dir() else "generated", "sums": sums["aurify"], **found}
    results.write("features", {"payments": rows}, ratios, told)


def _refuse_unlike(sums: dict[str, dict[str, float]]) -> None:
    """Stop where a program's features add up to something else; pandas leaves out later rows of the same moment."""
    for name, theirs in sums.items():
        for feature, mine in sums["aurify"].items():
            if abs(theirs[feature] - mine) > (1e-5 if name == "by_pandas" else 1e-9) * max(1.0, abs(mine)):
                raise SystemExit(f"{feature} adds up to {theirs[feature]} by {name}, to {mine} by aurify")


def make(spark: SparkSession, meter: Meter, source: str) -> int:
    """The payments as one folder of Parquet, with times in microseconds; gives their number."""
    import pyarrow.parquet as pq

    Path(source).mkdir(parents=True)
    table = _real() if REAL.is_dir() else _generated()
    for part in range(8):
        size = -(-table.num_rows // 8)
        pq.write_table(table.slice(part * size, size), f"{source}/{part}.parquet")
    return int(table.num_rows)


def _real() -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    days = pa.concat_tables([pq.read_table(file) for file in sorted(REAL.glob("*.parquet"))])
    return pa.table(
        {
            "id": pc.cast(days["TRANSACTION_ID"], "int64"),
            "at": pc.cast(days["TX_DATETIME"], pa.timestamp("us", "UTC"), safe=False),
            "customer": pc.cast(days["CUSTOMER_ID"], "string"),
            "terminal": pc.cast(days["TERMINAL_ID"], "string"),
            "amount": pc.cast(days["TX_AMOUNT"], "float64"),
            "fraud": pc.cast(days["TX_FRAUD"], "int64"),
        }
    )


def _generated() -> pa.Table:
    import numpy as np
    import pyarrow as pa

    draw = np.random.default_rng(7)
    seconds = np.sort(draw.integers(0, DAYS * 86_400, GENERATED_ROWS))
    start = np.datetime64("2018-04-01T00:00:00", "us")
    return pa.table(
        {
            "id": np.arange(GENERATED_ROWS),
            "at": pa.array(start + seconds.astype("timedelta64[s]"), pa.timestamp("us", "UTC")),
            "customer": pa.array(draw.integers(0, CUSTOMERS, GENERATED_ROWS)).cast("string"),
            "terminal": pa.array(draw.integers(0, TERMINALS, GENERATED_ROWS)).cast("string"),
            "amount": np.round(draw.gamma(2.0, 27.0, GENERATED_ROWS), 2),
            "fraud": (draw.random(GENERATED_ROWS) < 0.008).astype("int64"),
        }
    )


def aurify(spark: SparkSession, meter: Meter, source: str, out: str) -> dict[str, float]:
    """By `with_windows`: customers, then terminals."""
    from aurify import Window, with_windows

    days = [timedelta(days=n) for n in LENGTHS]
    of_customer = [w for over in days for w in (Window("count", over), Window("mean", over, "amount"))]
    delay = timedelta(days=DELAY)
    of_terminal = [
        w for over in days for w in (Window("count", over, delay=delay), Window("mean", over, "fraud", delay=delay))
    ]
    _warm(spark, source, of_customer)
    with meter.section("work"):
        payments = spark.read.parquet(source)
        customers = with_windows(payments, of_customer, entity="customer", event_time="at", prefix="customer_")
        both = with_windows(customers, of_terminal, entity="terminal", event_time="at", prefix="terminal_")
        _calendar(both).write.parquet(out)
    return _sums(spark, out)


def _warm(spark: SparkSession, source: str, windows: list[Window]) -> None:
    from aurify import with_windows

    few = spark.read.parquet(source).where("customer < '12'")
    with_windows(few, windows, entity="customer", event_time="at").write.format("noop").mode("overwrite").save()


def by_range_windows(spark: SparkSession, meter: Meter, source: str, out: str) -> dict[str, float]:
    """As a person writes them in PySpark: one window specification an entity, a range of microseconds a feature."""
    from pyspark.sql import Window as Over
    from pyspark.sql import functions as F

    def features(payments: DataFrame) -> DataFrame:
        at = F.unix_micros("at")
        customer, terminal = (Over.partitionBy(entity).orderBy(at) for entity in ("customer", "terminal"))
        columns = {}
        for days in LENGTHS:
            near = customer.rangeBetween(1 - days * DAY_US, 0)
            far = terminal.rangeBetween(1 - (days + DELAY) * DAY_US, -DELAY * DAY_US)
            columns[f"customer_count_{days}d"] = F.count(F.lit(1)).over(near)
            columns[f"customer_mean_amount_{days}d"] = F.avg("amount").over(near)
            columns[f"terminal_count_{days}d_after_7d"] = F.count(F.lit(1)).over(far)
            columns[f"terminal_mean_fraud_{days}d_after_7d"] = F.avg("fraud").over(far)
        return _calendar(payments.select("*", *(column.alias(name) for name, column in columns.items())))

    features(spark.read.parquet(source).where("customer < '12'")).write.format("noop").mode("overwrite").save()
    with meter.section("work"):
        features(spark.read.parquet(source)).write.parquet(out)
    return _sums(spark, out)


def by_pandas(spark: SparkSession, meter: Meter, source: str, out: str) -> dict[str, float]:
    """The notebook's way: groupby and rolling, one entity and one length after the other."""
    import pandas as pd

    with meter.section("work"):
        payments = pd.read_parquet(source).sort_values(["at", "id"]).reset_index(drop=True)
        for entity, prefix, column, delay in (
            ("customer", "customer_", "amount", 0),
            ("terminal", "terminal_", "fraud", DELAY),
        ):
            by_entity = payments.sort_values([entity, "at", "id"], kind="stable")
            rolling = by_entity.set_index("at").groupby(entity)[column]
            late = f"_after_{delay}d" if delay else ""
            if delay:
                old = rolling.rolling(f"{delay}D")
                count_of_delay, sum_of_delay = old.count().to_numpy(), old.sum().to_numpy()
            for days in LENGTHS:
                whole = rolling.rolling(f"{days + delay}D")
                count, total = whole.count().to_numpy(), whole.sum().to_numpy()
                if delay:
                    count, total = count - count_of_delay, total - sum_of_delay
                features = pd.DataFrame({"count": count, "total": total}, index=by_entity.index)
                payments[f"{prefix}count_{days}d{late}"] = features["count"].astype("int64")
                payments[f"{prefix}mean_{column}_{days}d{late}"] = features["total"] / features["count"].where(
                    features["count"] > 0
                )
        payments["is_weekend"] = payments["at"].dt.dayofweek >= 5
        payments["is_night"] = payments["at"].dt.hour <= 6
        Path(out).mkdir()
        payments.to_parquet(f"{out}/features.parquet")
    return _sums(spark, out)


def _calendar(payments: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    return payments.withColumns({"is_weekend": F.weekday("at") >= 5, "is_night": F.hour("at") <= 6})


def _sums(spark: SparkSession, out: str) -> dict[str, float]:
    """What every feature adds up to: read back from what was written."""
    from pyspark.sql import functions as F

    made = spark.read.parquet(out)
    names = [n for n in made.columns if n.startswith(("customer_", "terminal_", "is_"))]
    row = made.agg(*(F.sum(F.col(n).cast("double")).alias(n) for n in names)).first()
    return {} if row is None else {name: float(row[name]) for name in names}

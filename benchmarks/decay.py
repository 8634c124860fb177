"""`decay`: a model of frauds that was trained in April scores real payments week by week through September.

Not a race: how its metric goes by labels that come a week later, which alerts are raised, and what a retraining that
an alert asks for brings back. The April version goes on in the shadow of the new one, so that both score the same rows.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks import program, results
from benchmarks.fraud import REAL
from benchmarks.meter import Meter
from benchmarks.program import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from aurify.workflows.lake import Lake
    from aurify.workflows.monitor import MonitorReport

MODEL = "card_fraud"
TRAINED_UNTIL = datetime(2018, 5, 1)  # noqa: DTZ001 - in the time of the rows, as ByTime takes it
WEEK = timedelta(days=7)
VIEWS = ("+gold.customer_payments", "+gold.terminal_risk")


def measure(scratch: Path) -> None:
    """Write how it went, or say that the data is missing."""
    if not REAL.is_dir():
        print("decay: the real data is not beside the project")
        return
    folders = {name: str(scratch / name) for name in ("warehouse", "sources")}
    done = program.run("benchmarks.decay:work", **folders)
    found = done["returned"]
    results.write("decay", {"payments": found["payments"]}, found["ratios"], {**found["told"], "costs": done["costs"]})


def work(spark: SparkSession, meter: Meter, warehouse: str, sources: str) -> dict[str, Any]:
    """April, then week by week until the last labels are there."""
    from aurify import connect
    from retail.handbook import split

    files = sorted(REAL.glob("*.parquet"))
    os.environ.update(AURIFY_SOURCES=sources, AURIFY_WAREHOUSE=warehouse)
    april = [file for file in files if _day(file) < TRAINED_UNTIL.date() + WEEK]
    payments = split(april, Path(sources))
    lake = connect("local", project=ROOT, spark=spark)
    with meter.section("april"):
        _refreshed(lake)
        trained = lake.train(MODEL, until=TRAINED_UNTIL)
        _done(lake.score(MODEL).exit_code)
    weeks, champion = list[dict[str, Any]](), trained.version
    later = files[len(april) :]
    with meter.section("weeks"):
        for place in range(0, len(later), 7):
            own = later[place : place + 7]
            payments += split(own, Path(sources))
            _refreshed(lake)
            more = {} if champion == trained.version else {"shadow": trained.version}
            _done(lake.score(MODEL, **more).exit_code)
            told = _told(own, lake, lake.monitor(MODEL))
            asked = [said for said in told["reactions"] if said.startswith("a training is asked for")]
            if asked:
                told["retrained"] = _retrained(lake)
                champion = lake.trained(MODEL).version
            weeks.append(told)
            print(told, flush=True)
    old = lake.monitor(MODEL, trained.version)
    return {"payments": payments, **_compared(lake, trained.version, old, weeks)}


def _compared(lake: Lake, first: int, old: MonitorReport, weeks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The April version month by month, and each champion after it on the rows that both have scored."""
    new = lake.monitor(MODEL)
    of = {number: _by_day(report) for number, report in ((first, old), (new.version, new))}
    both = sorted(of[first].keys() & of[new.version].keys()) if new.version != first else []
    months: dict[str, list[float]] = {}
    for day, value in of[first].items():
        months.setdefault(f"{day:%Y-%m}", []).append(value)
    ratios = {"average_precision_by_month": {month: round(fmean(values), 3) for month, values in months.items()}}
    if both:
        ratios["average_precision_after_retraining"] = {
            f"version_{number}": round(fmean(of[number][day] for day in both), 3) for number in (first, new.version)
        }
    test = None if old.performance is None else old.performance.test.estimate
    return {"ratios": ratios, "told": {"weeks": list(weeks), "test of the April version": test}}


def _by_day(report: MonitorReport) -> dict[date, float]:
    """The average precision of the days that were not learned from and have their labels."""
    assert report.performance is not None
    told = ((day, day.value("average_precision")) for day in report.performance.days if not day.is_learned)
    return {day.day: value for day, value in told if value is not None and day.is_settled(0.9)}


def _told(files: Sequence[Path], lake: Lake, report: MonitorReport) -> dict[str, Any]:
    found = report.performance
    assert found is not None
    return {
        "week": f"{files[0].stem} to {files[-1].stem}",
        "version": report.version,
        "drifted": {told.column: told.severity for batch in report.batches for told in batch.columns if told.severity},
        "average_precision": None if found.now is None else [found.now.low, found.now.estimate, found.now.high],
        "of": None if found.window is None else list(map(str, found.window)),
        "lost": found.lost,
        "alerts": {told.alert.key: told.severity for told in lake.alerts.open_alerts(MODEL)},
        "reactions": list(report.reactions),
    }


def _retrained(lake: Lake) -> dict[str, Any]:
    """What a retraining of the model came to."""
    (told,) = lake.retrain(MODEL, if_needed=True).models
    assert told.trained is not None, told.error
    return {"version": told.trained.version, "passed": told.trained.passed, "because": list(told.because)}


def _refreshed(lake: Lake) -> None:
    _done(lake.refresh(*VIEWS).exit_code)


def _done(code: int) -> None:
    if code:
        raise SystemExit(f"it ended with {code}")


def _day(file: Path) -> date:
    return date.fromisoformat(file.stem)

"""Scored batches beside what the version learned from: each once, and a drift is found where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from aurify.cli.main import main
from aurify.errors import ConfigurationError
from aurify.monitoring.counting import bins_of, profiles_of
from aurify.monitoring.drift import drifts
from aurify.monitoring.profile import number_bins, profiled
from aurify.workflows.batch_drift import BatchDrift, keep_drift
from tests.integration.lakes import Toy
from tests.integration.test_score import land, scoring_toy
from tests.integration.test_train import DAYS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def drifted_toy(root: Path) -> Toy:
    """A lake whose champion has scored the days that it was trained and judged on, then a day of high amounts."""
    toy = scoring_toy(root)
    assert toy.lake.score("risk").exit_code == 0
    land(toy, day=DAYS, rows=60, amount="180.00")
    assert toy.lake.score("risk").exit_code == 0
    return toy


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Toy:
    """The lake, at which nobody has looked yet."""
    return drifted_toy(tmp_path_factory.mktemp("monitored"))


def test_profiles_are_those_of_the_rows_however_they_lie(spark: SparkSession) -> None:
    draw = np.random.default_rng(2)
    rows = [
        (float(x) if draw.random() > 0.1 else None, str(draw.choice(["a", "b", "c"])) if draw.random() > 0.2 else None)
        for x in draw.normal(size=500)
    ]
    frame = spark.createDataFrame(rows, "`x y` double, name string")
    bins = bins_of(frame, ["x y", "name"])
    assert len(bins["x y"].edges) == 19
    assert bins["name"].categories == ("a", "b", "c")
    numbers = np.asarray([np.nan if x is None else x for x, _ in rows])
    texts = np.asarray([name for _, name in rows], object)
    expected = {"x y": profiled(numbers, bins["x y"]), "name": profiled(texts, bins["name"])}
    assert profiles_of(frame.repartition(3), bins) == profiles_of(frame.coalesce(1), bins) == expected


def test_a_batch_that_drifted_is_told_once_by_column(toy: Toy) -> None:
    report = toy.lake.monitor("risk")
    first, second = report.batches
    assert (first.batch, second.batch) == (1, 2)
    assert first.severity in ("", "yellow"), "the days that it learned from, and a few more"
    assert (second.rows, second.severity) == (60, "red")
    worst = second.columns[0]
    assert {told.column for told in second.columns} == {"amount", "count_3d", "score"}
    assert worst.severity == "red"
    assert {told.column: told.severity for told in second.columns}["amount"] == "red"
    assert any("moved" in why for why in worst.why)
    alerts = {told.alert.key: told for told in toy.lake.alerts.open_alerts()}
    assert alerts["risk/amount"].severity == "red"
    assert (alerts["risk/amount"].alert.occasion, alerts["risk/amount"].notices) == (2, 1)
    assert [line.endswith("logged") for line in report.sent["log"]] == [True] * len(report.sent["log"])
    assert toy.lake.monitor("risk").batches == ()
    kept = toy.lake.session.read.format("delta").load(f"{report.home}/columns")
    assert kept.groupBy("batch").count().count() == 2
    assert kept.count() == len(first.columns) + len(second.columns)
    registry = toy.lake.registry
    assert registry.find_document(registry.version("risk", 1), "profile.json") is not None


def test_a_person_looks_after_an_alert(toy: Toy) -> None:
    def run(*command: str) -> dict[str, Any]:
        told = CliRunner().invoke(main, [*command, "--json", "--project", str(toy.root)])
        assert told.exit_code == 0, told.output
        found: dict[str, Any] = json.loads(told.stdout)
        return found

    toy.lake.monitor("risk")
    assert "risk/amount" in {f"{a['alert']['model']}/{a['alert']['column']}" for a in run("alerts", "list")["alerts"]}
    assert run("alerts", "acknowledge", "risk/amount", "--reason", "a sale")["reason"] == "a sale"
    assert all(not told for told in run("alerts", "send")["sent"].values())
    wrong = CliRunner().invoke(
        main, ["alerts", "acknowledge", "risk/amounts", "--reason", "x", "--project", str(toy.root)]
    )
    assert (wrong.exit_code, "risk/amount" in wrong.output) == (2, True), wrong.output


def test_a_version_that_scored_nothing_and_a_model_that_is_not_there_are_told(toy: Toy) -> None:
    assert toy.lake.monitor("risk", 2).batches == ()
    with pytest.raises(ConfigurationError, match="no such model"):
        toy.lake.monitor("risky")
    told = CliRunner().invoke(main, ["monitor", "risk", "--version", "2", "--json", "--project", str(toy.root)])
    assert (told.exit_code, json.loads(told.stdout)["version"]) == (0, 2), told.output


def test_a_commit_that_is_tried_again_writes_nothing_twice(toy: Toy, tmp_path: Path) -> None:
    own = toy.copied(tmp_path / "toy")
    home, version = own.lake.monitor("risk").home, own.lake.registry.version("risk", 1)
    profile = profiled(np.asarray([1.0, 2.0]), number_bins([1.5]))
    columns = tuple(drifts({"x": profile}, {"x": profile}))

    def rows_after(batch: int) -> int:
        keep_drift(own.lake, home, version, BatchDrift(batch, 2, columns))
        return own.lake.session.read.format("delta").load(f"{home}/columns").count()

    before = own.lake.session.read.format("delta").load(f"{home}/columns").count()
    assert [rows_after(batch) - before for batch in (2, 3, 3)] == [0, 1, 1]

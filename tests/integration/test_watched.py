"""Labels that come late tell how a model does, and alerts lead to what its file declares."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score

from aurify.cli.main import main
from aurify.errors import ConfigurationError, DataError
from aurify.workflows.monitor import MonitorReport
from aurify.workflows.performance import DAYS as DAYS_TABLE
from aurify.workflows.performance import SEGMENTS
from tests.integration.lakes import Toy
from tests.integration.test_score import SCORED, land, scoring_toy
from tests.integration.test_train import A_DAY, DAYS, START, TABLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WATCHED = SCORED.replace(
    "    scoring=Scoring(",
    '    segments=["card"], monitoring=Monitoring(retrain="orange", roll_back="red"),\n    scoring=Scoring(',
    1,
).replace("import Fallback,", "import Fallback, Monitoring,")


def land_days(toy: Toy, days: Iterable[int], fraud_amount: int) -> None:
    """Payments whose frauds show in this amount, 40 being the usual one; each is known of two days after."""
    pick, paid, found, span = random.Random(fraud_amount), [], [], list(days)
    for day in span:
        for number in range(A_DAY):
            at = START + timedelta(days=day, seconds=pick.randrange(80_000))
            is_fraud = pick.random() < 0.15
            amount = max(pick.gauss(fraud_amount if is_fraud else 40, 10), 1.0)
            when, reported = f"{at:%Y-%m-%d %H:%M:%S},{at:%Y-%m-%d}", at + timedelta(days=2)
            paid.append(f"{day * 1000 + number},c{pick.randrange(5)},{when},{amount:.2f},0.5")
            found.append(f"{day * 1000 + number},{when},{float(is_fraud)},{reported:%Y-%m-%d %H:%M:%S}")
    toy.deliver(f"paid/{span[0]}.csv", "id,card,at,day,amount,noise", paid, at=span[0])
    toy.deliver(f"found/{span[0]}.csv", "id,at,day,is_fraud,reported", found, at=span[0])
    toy.refresh()


def scored_and_monitored(toy: Toy) -> MonitorReport:
    assert toy.lake.score("risk").exit_code == 0
    return toy.lake.monitor("risk")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """A lake whose champion has scored the days that it was trained and judged on."""
    toy = scoring_toy(tmp_path_factory.mktemp("watched"))
    toy.declare(TABLES + WATCHED)
    assert toy.lake.score("risk").exit_code == 0
    return toy.root


@pytest.fixture
def toy(scored: Path, tmp_path: Path) -> Toy:
    """A copy of it, to be changed."""
    return Toy.at(scored).copied(tmp_path / "toy")


def test_labels_complete_the_metric_by_day_and_segment(toy: Toy) -> None:
    found = toy.lake.monitor("risk").performance
    assert found is not None
    joined = "gold.risk_scores s JOIN silver.found f USING (id) WHERE model_version = 1"
    told = toy.lake.sql(f"SELECT f.day, s.score, f.is_fraud FROM {joined}").collect()
    rows = pd.DataFrame([row.asDict() for row in told])
    by_day = {told.day: told for told in found.days}
    assert len(by_day) == DAYS == rows["day"].nunique()
    for day, own in rows.groupby("day"):
        expected = average_precision_score(own["is_fraud"], own["score"])
        assert by_day[day].value("average_precision") == pytest.approx(expected, abs=1e-9)
        assert (by_day[day].rows, by_day[day].labelled) == (A_DAY, A_DAY)
    assert {told.day.day for told in found.days if told.is_learned} == set(range(1, 16)), "up to its test"
    assert found.window is not None
    assert (str(found.window[0]), str(found.window[1])) == ("2024-01-16", "2024-01-22")
    assert found.now is not None
    own = rows[rows["day"].between(*found.window)]
    assert found.now.estimate == pytest.approx(average_precision_score(own["is_fraud"], own["score"]), abs=1e-9)
    assert found.lost == 0
    assert [name for name, _ in found.segments["card"]] == [f"c{number}" for number in range(5)]


def test_before_labels_come_the_scores_alone_say_what_the_metric_should_be(toy: Toy) -> None:
    land(toy, day=DAYS, rows=60)
    report = scored_and_monitored(toy)
    assert report.performance is not None
    newest = report.performance.days[-1]
    assert (newest.rows, newest.labelled, newest.metrics) == (60, 0, None)
    assert newest.estimated is not None
    settled = [told for told in report.performance.days if not told.is_learned and told.metrics is not None]
    values = [(told.value("average_precision") or 0, told.estimated or 0) for told in settled]
    known, guessed = (sum(each) / len(values) for each in zip(*values, strict=True))
    assert guessed == pytest.approx(known, abs=0.15), "of the days that it was judged on"


def test_what_was_found_is_kept_as_tables_and_as_a_page_that_fetches_nothing(toy: Toy) -> None:
    report = toy.lake.monitor("risk")
    read = toy.lake.session.read.format("delta")
    assert read.load(f"{report.home}/{DAYS_TABLE}").count() == DAYS
    assert read.load(f"{report.home}/{SEGMENTS}").where("`column` = 'card'").count() == 5
    toy.lake.monitor("risk")
    assert read.load(f"{report.home}/{DAYS_TABLE}").count() == DAYS, "in the place of those before"
    page = Path(report.page).read_text(encoding="utf-8")
    for title in ("What to do next", "Alerts", "The model by day", "By segment", "Drift by feature", "Known limits"):
        assert f"<h2>{title}</h2>" in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert {"model_by_day.png", "drift_by_feature.png"} <= {path.name for path in Path(report.page).parent.iterdir()}


def test_a_model_that_has_lost_its_grip_is_trained_anew_and_rolled_back_when_the_world_turns_back(toy: Toy) -> None:
    toy.lake.monitor("risk")
    assert toy.lake.retrain(if_needed=True).models[0].because == (), "nothing asks for it yet"
    land_days(toy, range(DAYS, 46), fraud_amount=10)
    lost = scored_and_monitored(toy)
    assert lost.performance is not None
    assert lost.performance.lost > 0.25, lost.performance.why
    alerts = {told.alert.key: told for told in toy.lake.alerts.open_alerts("risk")}
    assert alerts["risk/average_precision"].severity == "red"
    assert "a training is asked for: aurify retrain risk --if-needed" in lost.reactions
    assert "no champion before this one to roll back to" in lost.reactions
    assert lost.batches[-1].severity, "frauds of other amounts are seen without labels as well"

    told = CliRunner().invoke(main, ["retrain", "--if-needed", "--project", str(toy.root)])
    assert told.exit_code == 0, told.output
    assert "because average_precision is red" in told.output
    champion = toy.lake.registry.champion("risk")
    assert champion is not None
    assert champion.number == 3
    assert toy.lake.retrain(if_needed=True).models[0].trained is None, "the alerts are of another version"

    land_days(toy, range(46, 55), fraud_amount=10)
    better = scored_and_monitored(toy)
    assert better.performance is not None
    assert better.performance.now is not None
    assert better.performance.now.estimate > 2 * (lost.performance.now.estimate if lost.performance.now else 1)
    assert all(one.alert.facts["version"] == 3 for one in toy.lake.alerts.open_alerts("risk"))

    land_days(toy, range(55, 64), fraud_amount=70)
    back = scored_and_monitored(toy)
    assert any("rolled back to version 1 instead of 3" in text for text in back.reactions), back.reactions
    champion = toy.lake.registry.champion("risk")
    assert champion is not None
    assert champion.number == 1
    assert toy.lake.registry.moves("risk")[-1].by == "aurify monitor"
    assert toy.lake.monitor("risk", 3).reactions == (), "once"


def test_an_alert_stops_scoring_until_somebody_looks_after_it(toy: Toy) -> None:
    toy.declare(TABLES + WATCHED.replace('retrain="orange", roll_back="red"', 'stop="red"'))
    toy.lake.monitor("risk")
    land(toy, day=DAYS, rows=60, amount="180.00")
    report = scored_and_monitored(toy)
    assert "version 1 scores nothing more until its alert is acknowledged" in report.reactions
    land(toy, day=DAYS + 1, rows=5)
    with pytest.raises(DataError, match="version 1 is stopped, amount is red") as refused:
        toy.lake.score("risk")
    assert "aurify alerts acknowledge risk/" in refused.value.render()
    assert toy.lake.score("risk", version=2).exit_code == 0, "what decides nothing goes on"
    for told in toy.lake.alerts.open_alerts("risk"):
        toy.lake.alerts.acknowledge(told.alert.key, "kim", "a sale")
    assert toy.lake.score("risk").tables["gold.risk_scores"].batches[0].balance.inserted == 5


def test_a_column_that_the_settings_make_silent_raises_no_alert(toy: Toy) -> None:
    settings = toy.root / "conf" / "local" / "settings.yml"
    silent = "alerts: {limits: [{columns: [amount, score, count_3d], silent: true}]}\n"
    settings.write_text(silent, encoding="utf-8")
    toy = Toy.at(toy.root)
    land(toy, day=DAYS, rows=60, amount="180.00")
    report = scored_and_monitored(toy)
    assert {told.severity for batch in report.batches for told in batch.columns} == {""}
    assert report.batches[-1].columns[0].surely > 0.3, "it is told all the same"


def test_what_can_ask_for_nothing_is_told(toy: Toy) -> None:
    with pytest.raises(ConfigurationError, match="no severity that asks for it"):
        toy.lake.retrain("linear", if_needed=True)
    with pytest.raises(ConfigurationError, match="'dark'"):
        toy.declare(TABLES + WATCHED.replace('retrain="orange"', 'retrain="dark"'))

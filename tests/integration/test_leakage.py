"""Planted leaks are found, and nothing else: in declared features, in a function by hand, in rows too early."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from aurify.cli.main import main
from aurify.errors import ConfigurationError
from aurify.workflows.leakage import LeakageReport, leakage
from tests.integration.lakes import LAYERS, Toy

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLES = (
    LAYERS
    + '''
from datetime import timedelta

from aurify import Lag, Window, feature_view

DAY = timedelta(days=1)


paid = layers("paid", "id bigint, card string, at timestamp, day date, amount double", "at")
found = layers("found", "id bigint, day date, is_fraud boolean, reported timestamp", "reported")
INPUTS = {"paid": changes("silver.paid"), "found": changes("silver.found")}
VIEW = {"inputs": INPUTS, "entity": "card", "event_time": "at", "by": "day", "keys": ["id"], "owner": "tests",
        "columns": "id bigint, card string, at timestamp, day date", "units": {"amount": "EUR"}}


def joined(paid, found):
    """A payment."""
    return paid.drop("changed").join(found.select("id", "is_fraud", "reported"), "id", "left")


@feature_view("gold.honest", arrival_time="reported", features=[Window("share", 9 * DAY, "is_fraud")], **VIEW)
def honest(paid, found):
    """A payment."""
    return joined(paid, found)


@feature_view(
    "gold.leaky",
    features=[Window("share", 9 * DAY, "is_fraud"), Window("mean", 9 * DAY, "amount"), Lag("amount", 9 * DAY)],
    **VIEW,
)
def leaky(paid, found):
    """A payment."""
    return joined(paid, found)


@table("gold.by_hand", inputs={"paid": changes("silver.paid"), "found": changes("silver.found", reach=40 * DAY)},
       keys=["id"], time="at", write=Recompute(by="day"), owner="tests",
       columns="id bigint, at timestamp, day date, amount double, is_bad_card boolean")
def by_hand(paid, found):
    """A payment that was looked into, and whether any fraud was ever seen that day."""
    bad = found.groupBy("day").agg(F.max("is_fraud").alias("is_bad_card"))
    return paid.join(found.select("id"), "id").join(bad, "day").select("id", "at", "day", "amount", "is_bad_card")
'''
)
CHECKS = '''

@table("gold.checks", inputs={"paid": changes("silver.paid")}, keys=["card", "day"], write=Recompute(by="day"),
       columns="card string, day date, checked timestamp, n bigint", owner="tests")
def checks(paid):
    """A look at a card, an hour before its last payment of a day."""
    last = (F.max("at") - F.expr("INTERVAL 1 HOUR")).alias("checked")
    return paid.groupBy("card", "day").agg(last, F.count("*").alias("n"))
'''
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Toy:
    """Twenty days; what a payment was is reported three days after it."""
    toy = Toy(tmp_path_factory.mktemp("leaks"), TABLES + CHECKS)
    pick = random.Random(11)
    for day in range(20):
        paid, found = [], []
        for number in range(12):
            id, at = day * 100 + number, START + timedelta(days=day, seconds=pick.randrange(80_000))
            paid.append(f"{id},c{pick.randrange(3)},{at:%Y-%m-%d %H:%M:%S},{at:%Y-%m-%d},{pick.randrange(1, 90)}.5")
            told = f"{pick.random() < 0.3},{at + timedelta(days=3):%Y-%m-%d %H:%M:%S}"
            found.append(f"{id},{at:%Y-%m-%d},{told}")
        toy.deliver(f"paid/{day}.csv", "id,card,at,day,amount", paid, at=day + 1)
        toy.deliver(f"found/{day}.csv", "id,day,is_fraud,reported", found, at=day + 1)
    toy.refresh()
    return toy


def features(report: LeakageReport) -> list[str]:
    return [leak.feature for leak in report.leaks]


def test_features_of_what_was_known_do_not_leak(toy: Toy) -> None:
    report = leakage(toy.lake, "gold.honest", moments=4)
    assert report.rows > 24
    assert (features(report), report.unknown, report.exit_code) == ([], 0, 0)


def test_a_feature_that_does_not_wait_for_its_facts_is_named(toy: Toy) -> None:
    report = leakage(toy.lake, "gold.leaky", moments=4)
    assert features(report) == ["share_is_fraud_9d"], "not those that are known with the payment"
    (leak,) = report.leaks
    assert (report.exit_code, report.unknown) == (1, 0)
    row = next(r for r in toy.held("gold.leaky") if str(r["id"]) == leak.key)
    assert float(leak.stands) == pytest.approx(row["share_is_fraud_9d"])
    assert leak.known != leak.stands


def test_a_function_by_hand_is_looked_at_too(toy: Toy) -> None:
    report = leakage(toy.lake, "gold.by_hand", moments=4)
    assert report.unknown == report.rows > 0, "a payment was looked into three days after it"
    late = leakage(toy.lake, "gold.by_hand", {"found": "changed"}, moments=4)
    assert late.exit_code == 0, "by the time of the files, in 1970, everything was known"


def test_the_command_tells_it(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURIFY_PROJECT", str(toy.root))
    told = CliRunner().invoke(main, ["leakage", "gold.leaky", "--moments", "2"])
    assert (told.exit_code, "share_is_fraud_9d" in told.output) == (1, True), told.output
    wrong = CliRunner().invoke(main, ["leakage", "gold.leaky", "--arrival", "found"])
    assert wrong.exit_code == 2


def test_what_has_no_arrival_is_told(toy: Toy) -> None:
    with pytest.raises(ConfigurationError) as told:
        leakage(toy.lake, "silver.paid", {"lines": "cam", "line": "x"})
    assert {p.key for p in told.value.problems} == {"line", "lines"}
    with pytest.raises(ConfigurationError, match="folder"):
        leakage(toy.lake, "bronze.paid")


def test_labels_without_the_keys_of_a_view_get_the_newest_row_of_its_entity(toy: Toy, spark: SparkSession) -> None:
    week = timedelta(days=1, hours=6)
    made = toy.lake.training_set("checks", "gold.checks", ["gold.honest"], target="n", time="checked", tolerance=week)
    rows = {(r["card"], r["day"]): r for r in made.read(spark).collect()}
    seen = toy.held("gold.honest")
    looks = toy.held("gold.checks")
    assert len(rows) == len(looks) > 40
    for look in looks:
        oldest = look["checked"] - week
        known = [r for r in seen if r["card"] == look["card"] and oldest <= r["at"] <= look["checked"]]
        newest = max(known, key=lambda r: (r["at"], r["id"]), default=None)
        row = rows[(look["card"], look["day"])]
        assert row["id"] == (newest and newest["id"]), look
        assert row["share_is_fraud_9d"] == (newest and newest["share_is_fraud_9d"]), look

"""A batch stopped by a `fail` rule: it stays visible, blocks what follows from it alone, and people decide."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aurify.errors import AurifyError, ConfigurationError
from aurify.workflows.decide import BatchStopped
from aurify.workflows.decisions import Verb, batches, decide_batch
from aurify.workflows.report import RunReport
from tests.integration.lakes import EVENTS, Toy, outcomes

HEADER = "k,d,g,v,op,at"
STRICT = "expect_column_values_to_be_in_set: {column: op, value_set: [P, D], on_fail: fail, id: known_operation}"
MENDED = "expect_column_values_to_be_in_set: {column: op, value_set: [P, D, Z], on_fail: fail, id: known_operation}"


def event(key: str, op: str = "P", v: str = "1") -> str:
    return f"{key},2024-01-01,a,{v},{op},2024-01-01 00:00:01"


@pytest.fixture(scope="module")
def second_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A lake whose second batch of silver.events is stopped, with a third one waiting behind it."""
    toy = Toy(tmp_path_factory.mktemp("failures"), EVENTS, {"silver.events": STRICT})
    toy.deliver("events/1.csv", HEADER, [event("k1")], at=1)
    toy.refresh("bronze.events", "silver.events")
    toy.deliver("events/2.csv", HEADER, [event("k2"), event("k3", "X"), event("k4", v="x")], at=2)
    return toy


@pytest.fixture
def toy(second_day: Toy, tmp_path: Path) -> Toy:
    """A copy of the second day, to change."""
    return second_day.copied(tmp_path / "toy")


def keys(toy: Toy) -> set[str]:
    return {row[0] for row in toy.visible("silver.events", ["k"])}


def stopped(toy: Toy, report: RunReport) -> AurifyError:
    error = report.tables["silver.events"].error
    assert error is not None
    return error


def test_a_stopped_batch_blocks_what_follows_from_it_and_nothing_else(toy: Toy) -> None:
    before = toy.version("silver.events")
    report = toy.lake.refresh()
    assert outcomes(report) == {
        "bronze.events": "done",
        "silver.events": "failed",
        "silver.log": "done",
        "gold.groups": "skipped",
    }
    assert report.exit_code == 1
    assert report.tables["gold.groups"].because == "silver.events did not succeed"
    error = stopped(toy, report)
    assert isinstance(error, BatchStopped)
    assert "1 of 3 rows break known_operation" in str(error)
    assert "aurify batch silver.events 2 retry" in str(error)
    assert (toy.version("silver.events"), keys(toy)) == (before, {"k1"})
    assert not toy.lake.storage.names(f"{toy.path('silver.events')}/batches")[1:], "what was staged is gone"

    toy.deliver("events/3.csv", HEADER, [event("k5")], at=3)
    again = toy.reopen().refresh()
    assert outcomes(again)["bronze.events"] == "done"
    assert str(stopped(toy, again)) == str(error), "it stays visible"
    assert toy.lake.plan("silver.events").exit_code == 1
    assert [(b["batch"], b["state"]) for b in batches(toy.lake, "silver.events")] == [(1, "published"), (2, "stopped")]
    runs = sorted(toy.lake.runs_ledger.rows(), key=lambda r: r["started_at"])
    assert [r["exit_code"] for r in runs] == [0, 1, 1]
    assert runs[-1]["outcome"] == "failed: silver.events, gold.groups" or "silver.events" in runs[-1]["outcome"]

    decide_batch(toy.lake, "silver.events", 2, "reject", "a broken till")
    report = toy.refresh()
    assert [b.state for b in report.tables["silver.events"].batches] == ["rejected", "published"]
    assert keys(toy) == {"k1", "k5"}
    rows = {r["k"]: [f["id"] for f in r["_failed"]] for r in toy.lake.quarantine("silver.events").collect()}
    assert rows == {
        "k2": ["batch_rejected"],
        "k3": ["known_operation", "batch_rejected"],
        "k4": ["cast(v)", "batch_rejected"],
    }
    commit = toy.lake.state("silver.events").handle
    assert commit is not None
    note = commit.note_of(1, 2)
    assert note is not None
    assert note.note is not None
    assert note.note["decision"]["reason"] == "a broken till"
    ledger = {r["batch"]: r for r in toy.lake.batches_ledger.rows() if r["table"] == "silver.events"}
    assert {n: (r["state"], r["assayed"], r["quarantined"]) for n, r in ledger.items()} == {
        1: ("published", 1, 0),
        2: ("rejected", 3, 3),
        3: ("published", 1, 0),
    }


def test_an_accepted_batch_is_published_in_spite_of_the_rule_and_of_no_other(toy: Toy) -> None:
    assert toy.lake.refresh("bronze.events", "silver.events").exit_code == 1
    decide_batch(toy.lake, "silver.events", 2, "accept", "seen by a person")
    report = toy.refresh()
    assert [b.state for b in report.tables["silver.events"].batches] == ["accepted"]
    assert keys(toy) == {"k1", "k2", "k3"}
    assert {r["k"]: [f["id"] for f in r["_failed"]] for r in toy.lake.quarantine("silver.events").collect()} == {
        "k4": ["cast(v)"]
    }
    rules = {r["rule"]: (r["on_fail"], r["failed"]) for r in toy.lake.rules_ledger.rows() if r["batch"] == 2}
    assert rules["known_operation"] == ("warn", 1)
    toy.deliver("events/3.csv", HEADER, [event("k6", "X")], at=3)
    assert toy.lake.refresh("bronze.events", "silver.events").exit_code == 1, "the next batch is judged anew"


def test_a_batch_is_tried_again_once_the_suite_is_mended(toy: Toy) -> None:
    assert toy.lake.refresh("bronze.events", "silver.events").exit_code == 1
    toy.suite("silver.events", MENDED)
    toy.reopen()
    assert toy.lake.plan("silver.events").tables["silver.events"].error is not None
    decide_batch(toy.lake, "silver.events", 2, "retry")
    plan = toy.lake.plan("silver.events").tables["silver.events"]
    assert (plan.action, plan.error) == ("redo batch 2", None)
    toy.deliver("events/2b.csv", HEADER, [event("k3", "Z")], at=3)
    report = toy.lake.refresh("bronze.events", "silver.events")
    assert report.exit_code == 1, "batch 2 has the old rows still, and X is no operation"
    decide_batch(toy.lake, "silver.events", 2, "accept", "let it pass")
    toy.refresh("bronze.events", "silver.events")
    assert toy.visible("silver.events", ["k", "op"]) == Counter([("k1", "P"), ("k2", "P"), ("k3", "Z")])


@pytest.mark.parametrize(
    ("number", "verb", "reason", "told"),
    [
        (2, "accept", "why", "no batch is stopped"),
        (7, "reject", "why", "no batch is stopped"),
    ],
)
def test_a_decision_on_a_batch_that_is_not_stopped_is_refused(
    toy: Toy, number: int, verb: Verb, reason: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        decide_batch(toy.lake, "silver.events", number, verb, reason)


def test_a_decision_needs_a_reason_and_the_number_of_the_stopped_batch(toy: Toy) -> None:
    assert toy.lake.refresh("bronze.events", "silver.events").exit_code == 1
    with pytest.raises(ConfigurationError, match="batch 2 is stopped, not batch 1"):
        decide_batch(toy.lake, "silver.events", 1, "accept", "why")
    for verb in ("accept", "reject"):
        with pytest.raises(ConfigurationError, match="no reason"):
            decide_batch(toy.lake, "silver.events", 2, verb, "  ")
    with toy.lake.lease("silver.events", "a run at work"), pytest.raises(AurifyError, match="a run at work"):
        decide_batch(toy.lake, "silver.events", 2, "accept", "why")
    assert toy.lake.refresh("silver.events").exit_code == 1


def test_a_rebuild_that_is_stopped_and_rejected_leaves_the_old_rows(toy: Toy) -> None:
    toy.deliver("events/2.csv", HEADER, [event("k2")], at=2)
    toy.refresh("bronze.events", "silver.events")
    toy.suite("silver.events", STRICT.replace("[P, D]", "[D]"))
    toy.reopen()
    assert toy.lake.refresh("silver.events", full=True).exit_code == 1
    assert keys(toy) == {"k1", "k2"}
    decide_batch(toy.lake, "silver.events", 1, "reject", "not like this")
    toy.suite("silver.events", STRICT)
    toy.reopen()
    toy.deliver("events/3.csv", HEADER, [event("k3")], at=3)
    toy.refresh("bronze.events", "silver.events")
    assert keys(toy) == {"k1", "k2", "k3"}

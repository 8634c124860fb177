"""Files of a folder: what is a new delivery, what is none, and what happens when one changes under our hands."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.decisions import file_problems, reject_file
from aurify.workflows.refresh import refresh
from aurify.workflows.run import Step
from tests.integration.lakes import LISTS, Row, Toy, only_batch, outcomes

HEADER = "k,d,v"
FED = ("bronze.lists", "silver.prices")


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A lake with one file taken in; every test brings files and products of its own."""
    toy = Toy(tmp_path_factory.mktemp("files"), LISTS)
    deliver(toy, "first.csv", ["first,2024-01-01,1"], at=1000)
    toy.refresh(*FED)
    return toy


def deliver(toy: Toy, name: str, lines: list[str], at: float) -> Path:
    return toy.deliver(f"lists/{name}", HEADER, lines, at)


def prices(toy: Toy, start: str) -> Counter[Row]:
    """Products and prices that readers see, of the products whose name starts so."""
    seen = toy.visible("silver.prices", ["k", "v"])
    return Counter({row: n for row, n in seen.items() if row[0].startswith(start)})


def lines_of(toy: Toy, name: str) -> list[Row]:
    """Delivery, row and content of the lines of one file in bronze."""
    rows = [r for r in toy.held("bronze.lists") if r["_source_file"] == name]
    return sorted((r["_delivery"], r["_source_row"], r["k"], r["v"]) for r in rows)


def once(name: str, act: Callable[[], object]) -> Callable[[Step], None]:
    """A listener that acts after the first step of this name in bronze."""
    left = [act]

    def listen(step: Step) -> None:
        if (step.table, step.name) == ("bronze.lists", name) and left:
            left.pop()()

    return listen


def test_a_file_that_was_touched_is_no_new_delivery(toy: Toy) -> None:
    versions = [toy.version(table) for table in FED]
    os.utime(toy.root / "landing/lists/first.csv", (7000, 7000))
    assert set(outcomes(toy.refresh(*FED)).values()) == {"nothing new"}
    assert [toy.version(table) for table in FED] == versions
    assert lines_of(toy, "first.csv") == [(1, 1, "first", "1")]


def test_an_old_file_that_appears_late_is_read(toy: Toy) -> None:
    deliver(toy, "archive/2001/old.csv.gz", ["old1,2001-01-01,1", "first,2024-01-01,99"], at=1)
    report = toy.refresh(*FED)
    assert lines_of(toy, "archive/2001/old.csv.gz") == [(1, 1, "old1", "1"), (1, 2, "first", "99")]
    assert prices(toy, "old") == Counter([("old1", 1)])
    assert prices(toy, "first") == Counter([("first", 1)]), "an older line does not win"
    assert only_batch(report.tables["silver.prices"])["stale"] == 1


def test_a_newer_delivery_updates_changed_lines_and_withdraws_missing_ones(toy: Toy) -> None:
    deliver(toy, "list.csv", ["list1,2024-01-01,1", "list2,2024-01-01,2", "list3,2024-01-02,3"], at=2000)
    toy.refresh(*FED)
    deliver(toy, "list.csv", ["list1,2024-01-01,10", "list3,2024-01-02,3"], at=1500)
    report = toy.refresh(*FED)
    assert prices(toy, "list") == Counter([("list1", 10), ("list3", 3)])
    assert [line[:2] for line in lines_of(toy, "list.csv")] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    (late,) = {r["_delivered_at"].timestamp() for r in toy.held("bronze.lists") if r["_delivery"] == 2}
    assert late == 2000.001, "a later delivery is never older than the one before"
    counted = only_batch(report.tables["silver.prices"])
    assert {k: counted[k] for k in ("read", "withdrawn", "assayed", "superseded", "offered", "updated", "deleted")} == {
        "read": 2,
        "withdrawn": 3,
        "assayed": 5,
        "superseded": 2,
        "offered": 3,
        "updated": 2,
        "deleted": 1,
    }


def test_a_delivery_with_only_a_header_withdraws_every_line(toy: Toy) -> None:
    deliver(toy, "gone.csv", ["gone1,2024-01-01,1", "gone2,2024-01-05,2"], at=2000)
    toy.refresh()
    deliver(toy, "gone.csv", [], at=3000)
    toy.refresh()
    assert prices(toy, "gone") == Counter()
    assert ("2024-01-05", 1, 2) not in toy.visible("gold.lines", ["d", "n", "total"])
    assert not toy.lake.read("silver.prices").where("k LIKE 'gone%'").count()
    tombstones = [r["k"] for r in toy.held("silver.prices") if r["_deleted"] and r["k"].startswith("gone")]
    assert sorted(tombstones) == ["gone1", "gone2"]
    deliver(toy, "gone.csv", ["gone2,2024-01-05,7"], at=4000)
    toy.refresh()
    assert prices(toy, "gone") == Counter([("gone2", 7)])


@pytest.mark.parametrize("step", ["recorded", "staged"])
def test_a_file_replaced_under_our_hands_is_read_whole_in_its_new_version_only(toy: Toy, step: str) -> None:
    name = f"moving-{step}.csv"
    deliver(toy, name, [f"{step}1,2024-01-01,1", f"{step}2,2024-01-01,2"], at=2000)
    deliver(toy, f"calm-{step}.csv", [f"{step}3,2024-01-01,3"], at=2000)

    def replace() -> None:
        deliver(toy, name, [f"{step}1,2024-01-01,11"], at=2500)

    report = refresh(toy.lake, FED, listen=once(step, replace))
    assert report.exit_code == 0
    assert lines_of(toy, name) == [(1, 1, f"{step}1", "11")]
    assert prices(toy, step) == Counter([(f"{step}1", 11), (f"{step}3", 3)])


def test_a_file_that_vanishes_after_it_was_recorded_is_left_to_a_later_delivery(toy: Toy) -> None:
    file = deliver(toy, "vanishing.csv", ["vanishing1,2024-01-01,1"], at=2000)
    refresh(toy.lake, FED, listen=once("recorded", file.unlink))
    assert lines_of(toy, "vanishing.csv") == []
    deliver(toy, "vanishing.csv", ["vanishing1,2024-01-01,2"], at=2000)
    toy.refresh(*FED)
    assert lines_of(toy, "vanishing.csv") == [(1, 1, "vanishing1", "2")]


def test_a_file_that_can_not_be_read_is_named_and_left_out_until_it_is_resolved(toy: Toy) -> None:
    truncated = deliver(toy, "bad/truncated.csv.gz", [f"bad{i},2024-01-01,{i}" for i in range(999)], at=2000)
    truncated.write_bytes(truncated.read_bytes()[:-20])
    swapped = toy.deliver("lists/bad/swapped.csv", "d,k,v", ["2024-01-01,bad1,1"], at=2000)
    deliver(toy, "good.csv", ["good1,2024-01-01,1"], at=2000)
    report = toy.refresh(*FED)
    left_out = {f.path: f.kind for f in report.tables["bronze.lists"].files}
    assert left_out == {"bad/truncated.csv.gz": "truncated", "bad/swapped.csv": "wrong_header"}
    assert (report.exit_code, report.tables["bronze.lists"].outcome) == (1, "done")
    assert prices(toy, "good") == Counter([("good1", 1)]), "the rest goes on"
    assert toy.refresh(*FED).exit_code == 1, "until it is resolved"
    assert toy.lake.plan().exit_code == 1

    with pytest.raises(ConfigurationError, match="no reason"):
        reject_file(toy.lake, "bronze.lists", "bad/swapped.csv", " ")
    with pytest.raises(ConfigurationError, match=r"no such file[^$]*did you mean 'bad/swapped\.csv'"):
        reject_file(toy.lake, "bronze.lists", "bad/swaped.csv", "a test")
    with pytest.raises(ConfigurationError, match="taken in already"):
        reject_file(toy.lake, "bronze.lists", "good.csv", "a test")
    reject_file(toy.lake, "bronze.lists", "bad/swapped.csv", "the till was broken")
    deliver(toy, "bad/truncated.csv.gz", ["bad1,2024-01-01,1"], at=2100)
    report = toy.refresh(*FED)
    assert (report.exit_code, prices(toy, "bad")) == (0, Counter([("bad1", 1)]))
    problems, rejected, _ = file_problems(toy.lake, "bronze.lists")
    assert problems == []
    assert [(r["path"], r["reason"]) for r in rejected] == [("bad/swapped.csv", "the till was broken")]

    os.utime(swapped, (2200, 2200))
    assert toy.refresh(*FED).exit_code == 1, "a new version of a rejected file is looked at again"
    swapped.unlink()
    assert toy.refresh(*FED).exit_code == 0


def test_a_file_that_is_gone_from_the_folder_stays_in_the_tables(toy: Toy) -> None:
    deliver(toy, "fleeting.csv", ["fleeting1,2024-01-01,1"], at=2000)
    toy.refresh(*FED)
    (toy.root / "landing/lists/fleeting.csv").unlink()
    assert set(outcomes(toy.refresh(*FED)).values()) == {"nothing new"}
    assert prices(toy, "fleeting") == Counter([("fleeting1", 1)])


def test_a_log_that_was_lost_is_written_again_from_the_commits(toy: Toy) -> None:
    before = toy.lake.state("bronze.lists").consumed, toy.lake.state("silver.prices").consumed
    for table in FED:
        shutil.rmtree(f"{toy.path(table)}/_aurify")
    assert set(outcomes(toy.refresh(*FED)).values()) == {"nothing new"}
    assert (toy.lake.state("bronze.lists").consumed, toy.lake.state("silver.prices").consumed) == before

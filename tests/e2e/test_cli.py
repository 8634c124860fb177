"""The command line on a small shop, with Spark: what each command does, says, and ends with."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from deltalake import DeltaTable

from aurify.cli.main import main

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FILES = {
    "conf/base/project.yml": "project: shop\nmodules: [shop.tables]\n",
    "conf/base/settings.yml": """
        warehouse: lake
        sources: landing
        spark:
          master: local[2]
          driver_memory: 1g
          conf:
            spark.sql.shuffle.partitions: 2
            spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1 -XX:+UseSerialGC
        parallel: 2
        business_time_zone: Europe/London
    """,
    "conf/local/settings.yml": "",
    "platform/shop/__init__.py": "",
    "platform/shop/tables.py": """
        from pyspark.sql import functions as F

        from aurify import Append, Recompute, Upsert, changes, folder, table

        @table("bronze.lines", inputs={"rows": folder("lines")}, write=Append(), owner="shop",
               columns="code string, name string PII, kind string, price string")
        def bronze_lines(rows):
            "One row per line."
            return rows

        @table("silver.lines", inputs={"rows": changes("bronze.lines")}, keys=["code"], rows="same", owner="shop",
               write=Upsert(order_by="changed_at"),
               columns="code string, name string PII, kind string, price int, changed_at timestamp")
        def silver_lines(rows):
            "One row per code."
            made = rows.withColumn("changed_at", F.col("_delivered_at"))
            return made.select("code", "name", "kind", "price", "changed_at", "_source_file", "_source_row")

        @table("gold.kinds", inputs={"rows": changes("silver.lines")}, keys=["kind"], write=Recompute(by="kind"),
               columns="kind string, row_count bigint, price bigint", owner="shop")
        def gold_kinds(rows):
            "One row per kind."
            return rows.groupBy("kind").agg(F.count("*").alias("row_count"), F.sum("price").alias("price"))
    """,
    "quality/suites/silver_lines.yml": """
        table: silver.lines
        expectations:
          - expect_column_values_to_not_be_null: {column: name, on_fail: quarantine}
          - expect_column_values_to_be_between: {column: price, max_value: 100, on_fail: fail}
    """,
}
HEADER = "code,name,kind,price\n"
MONDAY = HEADER + "a,Ann,x,1\nb,Bob,x,2\nc,,y,3\nd,Dee,y,many\n"


class Shop:
    """The project, and the command line on it in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def made(cls, root: Path) -> Shop:
        """A shop and its Monday, which no table has yet."""
        shop = cls(root)
        for name, text in FILES.items():
            shop.write(name, dedent(text))
        shop.deliver("monday.csv", MONDAY)
        return shop

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def deliver(self, name: str, text: str) -> None:
        self.write(f"landing/lines/{name}", text)

    def aurify(self, *arguments: object, exit_code: int = 0) -> Result:
        call = [str(a) for a in arguments] + ["--project", str(self.root)]
        ended = CliRunner().invoke(main, call, prog_name="aurify")
        assert ended.exit_code == exit_code, ended.output
        return ended

    def json(self, *arguments: object, exit_code: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.aurify(*arguments, "--json", exit_code=exit_code).stdout)
        return document

    def kinds(self) -> list[tuple[str, int, int]]:
        held = DeltaTable(str(self.root / "lake/gold/kinds")).to_pyarrow_table().to_pylist()
        return sorted((row["kind"], row["row_count"], row["price"]) for row in held)


@pytest.fixture
def here(spark: SparkSession, tmp_path: Path) -> Shop:
    """Files of a Monday, and no table yet."""
    return Shop.made(tmp_path / "shop")


@pytest.fixture(scope="module")
def first_day(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop to copy, whose Monday is in all tables."""
    made = Shop.made(tmp_path_factory.mktemp("first day") / "shop")
    made.aurify("refresh")
    return made.root


@pytest.fixture
def refreshed(first_day: Path, tmp_path: Path) -> Shop:
    """A copy of the shop after its Monday, to change."""
    return Shop(Path(shutil.copytree(first_day, tmp_path / "shop")))


def test_a_refresh_accounts_for_every_row_and_says_why_rows_failed(here: Shop) -> None:
    rows = here.json("plan", "--rows", "bronze.lines")
    assert (rows["read"], rows["assayed"], rows["verdicts"]["ok"]) == (4, 4, 4)
    assert not list(here.root.glob("lake/bronze/*"))
    assert not list(here.root.glob("lake/plan/*"))

    done = here.json("refresh")
    tables = {table["table"]: table for table in done["tables"]}
    (batch,) = tables["silver.lines"]["batches"]
    assert done["exit_code"] == 0
    assert {k: v for k, v in batch["balance"].items() if v} == {
        "read": 4,
        "assayed": 4,
        "quarantined": 2,
        "offered": 2,
        "inserted": 2,
    }
    assert sum(batch["failed_rules"].values()) == 2
    assert here.kinds() == [("x", 2, 3)]

    again = here.aurify("refresh")
    assert "silver.lines: nothing new" in again.stdout
    assert "0 batches published, exit 0" in again.stdout

    found = here.json("quarantine", "silver.lines")
    assert found["rows"] == 2
    assert {reason["rule"] for reason in found["reasons"]} >= {"cast(price)"}
    assert {row["name"] for row in found["sample"]} == {None, "***"}
    assert "Dee" not in json.dumps(found)
    shown = here.aurify("quarantine", "silver.lines", "--limit", 1).stdout
    assert "silver.lines: 2 rows in quarantine" in shown
    assert "cast(price)" in shown
    assert here.json("quarantine", "silver.lines", "--pending")["rows"] == 0

    (run,) = here.json("runs")["runs"]
    assert (run["exit_code"], run["batches"], run["run"]) == (0, 3, done["run"])
    assert done["run"] in here.aurify("runs").stdout
    (kept,) = here.json("runs", "silver.lines")["batches"]
    assert (kept["quarantined"], kept["inserted"], sum(kept["failed_rules"].values())) == (2, 2, 2)
    assert "assayed 4" in here.aurify("runs", "silver.lines").stdout


def test_text_shows_the_whole_balance_of_every_batch(here: Shop) -> None:
    shown = here.aurify("refresh", "+silver.lines").stdout
    assert "silver.lines batch 1: published" in shown
    assert "= 2 quarantined + 0 dropped + 0 superseded + 2 offered" in shown
    assert "= 2 inserted + 0 updated + 0 deleted + 0 stale + 0 unchanged" in shown
    assert "cast(price)" in shown
    assert "2 batches published, exit 0" in shown
    here.deliver("tuesday.csv", "nonsense\n")
    left = here.aurify("refresh", exit_code=1)
    assert "tuesday.csv" in left.stdout
    assert "aurify files bronze.lines reject PATH" in left.stdout
    here.aurify("files", "bronze.lines", "reject", "tuesday.csv", "--reason", "a test")
    here.aurify("refresh")


def test_a_stopped_batch_waits_for_a_decision(here: Shop) -> None:
    here.deliver("monday.csv", HEADER + "a,Ann,x,1\nb,Bob,x,200\n")
    stopped = here.aurify("refresh", exit_code=1)
    assert "aurify batch silver.lines 1 retry" in stopped.stderr
    assert "gold.kinds: skipped" in stopped.stdout
    assert here.json("plan", "--rows", "silver.lines", exit_code=1)["verdicts"]["fail"] == 1
    (listed,) = here.json("batch", "silver.lines")["batches"]
    assert (listed["batch"], listed["state"]) == (1, "stopped")
    assert "1 of 2 rows break" in here.aurify("batch", "silver.lines").stdout
    here.aurify("batch", "silver.lines", 1, "accept", exit_code=2)
    here.aurify("batch", "silver.lines", 1, "accept", "--reason", "a dear one, agreed")
    here.aurify("refresh")
    assert here.kinds() == [("x", 2, 201)]
    assert here.json("batch", "silver.lines", 1)["batches"][0]["state"] == "published"


def test_back_to_a_batch_and_a_hand_made_change_kept(refreshed: Shop) -> None:
    refreshed.deliver("tuesday.csv", HEADER + "e,Eve,x,10\n")
    refreshed.aurify("refresh")
    assert refreshed.kinds() == [("x", 3, 13)]
    refreshed.aurify("restore", "silver.lines", "--to", 9, exit_code=2)
    assert refreshed.json("restore", "silver.lines", "--to", 1)["batch"] == 1
    refreshed.aurify("refresh")
    assert refreshed.kinds() == [("x", 3, 13)]

    lines = DeltaTable(str(refreshed.root / "lake/silver/lines"))
    lines.delete("code = 'a'")
    refused = refreshed.aurify("refresh", exit_code=1)
    assert f"aurify accept-change silver.lines {lines.version()}" in refused.stderr
    refreshed.aurify("accept-change", "silver.lines", lines.version())
    refreshed.aurify("refresh")
    assert refreshed.kinds() == [("x", 2, 12)]


def test_maintenance_tells_what_it_did_and_changes_no_row(refreshed: Shop) -> None:
    refreshed.deliver("tuesday.csv", HEADER + "e,Eve,x,10\n")
    refreshed.aurify("refresh")
    done = {table["table"]: table for table in refreshed.json("maintain")["tables"]}
    assert done["bronze.lines"]["files_after"] < done["bronze.lines"]["files_before"]
    assert "nothing new" in refreshed.aurify("refresh").stdout
    assert refreshed.kinds() == [("x", 3, 13)]
    assert "silver.lines" in refreshed.aurify("maintain", "silver.*").stdout


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("bronze.notes", []),
        ("bronze.notes", ["--from", "notes.csv"]),
        ("silver.codes", ["--reads", "bronze.lines"]),
        ("silver.codes", ["--reads", "silver.lines"]),
        ("gold.codes", ["--reads", "silver.lines"]),
        ("gold.codes", ["--reads", "gold.kinds"]),
    ],
)
def test_the_test_of_a_new_table_passes_at_once(
    here: Shop, monkeypatch: pytest.MonkeyPatch, name: str, more: list[str]
) -> None:
    here.write("notes.csv", "Note No;Text\n1;a\n2;\n")
    monkeypatch.chdir(here.root)
    # modules are a folder where tables are written into
    here.write("platform/shop/tables/__init__.py", "")
    (here.root / "platform/shop/tables.py").rename(here.root / "platform/shop/tables/lines.py")
    made = here.json("new-table", name, *more)
    monkeypatch.syspath_prepend(here.root / "platform")
    names = runpy.run_path(str(here.root / made["test"]))
    tests = [function for key, function in names.items() if key.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


def _process(here: Shop, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aurify", *arguments, "--project", str(here.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def test_an_interrupted_refresh_leaves_consistent_tables_and_the_next_one_goes_on(here: Shop) -> None:
    with _process(here, "refresh", "--json") as first:
        assert first.stderr is not None
        for line in first.stderr:
            if "bronze.lines batch 1: staged" in line:
                first.send_signal(signal.SIGINT)
                break
        stdout, stderr = first.communicate(timeout=300)
    assert first.returncode == 130, stderr
    assert json.loads(stdout)
    assert "Traceback" not in stderr

    with _process(here, "refresh", "--json") as second:
        stdout, stderr = second.communicate(timeout=300)
    assert second.returncode == 0, stderr
    assert json.loads(stdout)["exit_code"] == 0
    assert "gold.kinds batch 1: published" in stderr
    assert here.kinds() == [("x", 2, 3)]
    assert here.json("runs", "bronze.lines")["batches"][0]["inserted"] == 4


def test_quarantined_rows_are_repaired_accepted_and_let_in(refreshed: Shop, tmp_path: Path) -> None:
    assert "silver.lines: nothing new" in refreshed.aurify("replay", "silver.lines").stdout
    bad, repaired = tmp_path / "bad.csv", tmp_path / "repaired.csv"
    assert f"2 rows are in {bad}" in refreshed.aurify("quarantine", "silver.lines", "--export", bad).stdout.replace(
        "\n", ""
    )
    text = bad.read_text(encoding="utf-8")
    assert '"many"' in text
    assert '"Dee"' in text, "a file to be repaired holds the values"
    repaired.write_text(text.replace('"many"', '"7"'), encoding="utf-8")
    assert "no reason" in refreshed.aurify("quarantine", "silver.lines", "--import", repaired, exit_code=2).stderr
    refreshed.aurify("quarantine", "silver.lines", "--import", repaired, "--reason", "asked the shop")
    found = refreshed.json("quarantine", "silver.lines")
    assert (found["rows"], found["takes"], found["states"]) == (2, 1, {"open": 1, "repaired": 1})
    (batch,) = refreshed.json("replay", "silver.lines")["tables"][0]["batches"]
    assert (batch["balance"]["quarantined"], batch["balance"]["inserted"]) == (0, 1)

    found = refreshed.json("quarantine", "silver.lines")
    assert (found["rows"], found["states"]) == (1, {"open": 1, "replayed": 1})
    (rule,) = [reason["rule"] for reason in found["reasons"]]
    told = refreshed.aurify(
        "quarantine", "silver.lines", "accept", "--rule", rule, "--reason", "a shop without a name"
    ).stdout
    assert "1 rows are accepted" in told
    assert "1 rows may enter now: aurify replay silver.lines" in refreshed.aurify("quarantine", "silver.lines").stdout
    refreshed.aurify("replay", "silver.lines")
    refreshed.aurify("refresh")
    assert refreshed.kinds() == [("x", 2, 3), ("y", 2, 10)]
    assert refreshed.json("quarantine", "silver.lines")["rows"] == 0
    assert len(refreshed.json("quarantine", "silver.lines", "--state", "replayed")["sample"]) == 2
    shown = refreshed.aurify("thresholds", "silver.lines").stdout
    assert "nothing to propose from 1 batches; a rule needs 5 of them" in shown.replace("\n", " ")

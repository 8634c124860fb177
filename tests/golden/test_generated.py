"""Generated days through all tables: every planted fault is found with its reasons, none more and none less."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from aurify.workflows.lake import Lake
from aurify.workflows.report import RunReport
from retail.generate import GeneratedReport, generate
from retail.generate.answers import FILES, Answer, Record
from retail.generate.faults import BRONZE, SILVER

GOLD = "gold.daily_sales"
DAYS = 3


@dataclass(frozen=True)
class Shop:
    """A lake after its days were refreshed, and the answers to their faults."""

    lake: Lake
    runs: tuple[RunReport, ...]
    last: GeneratedReport

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every planted fault."""
        return Record.read(Path(self.last.answers)).answers


@pytest.fixture(scope="module", params=["one by one", "at once"])
def shop(
    request: pytest.FixtureRequest,
    spark: SparkSession,
    open_lake: Callable[[Path], Lake],
    tmp_path_factory: pytest.TempPathFactory,
) -> Shop:
    """Three days with late, repeated and corrected lines, faulty lines, and files that can't be read."""
    home = tmp_path_factory.mktemp("shop")
    lake = open_lake(home)
    cuts = [(day, day + 1) for day in range(DAYS)] if request.param == "one by one" else [(0, DAYS)]
    runs = []
    for landed, days in cuts:
        last = generate(spark, str(home / "sources"), days=days, landed=landed, rows_per_day=2_500, bad_files=True)
        runs.append(lake.refresh(f"+{GOLD}"))
    return Shop(lake, tuple(runs), last)


def test_a_file_that_cannot_be_read_is_left_out_and_nothing_else(shop: Shop) -> None:
    planted = {(a.file, a.fault) for a in shop.answers if a.table == FILES}
    assert planted
    for run in shop.runs:
        assert not run.errors
        assert run.exit_code == 1
        assert {(f.path, str(f.kind)) for f in run.tables[BRONZE].files} == planted


def test_quarantine_holds_every_planted_row_with_all_its_rules(shop: Shop) -> None:
    bronze = shop.lake.quarantine(BRONZE).select("_source_file", "_source_row", "_delivery", "_failed.id")
    pointed = [F.col("_pointers")[name] for name in ("_source_file", "_source_row", "_delivery")]
    silver = shop.lake.quarantine(SILVER).select(*pointed, "_failed.id")
    found = Counter(
        (table, str(file), int(row), int(delivery), tuple(sorted(rules)))
        for table, rows in ((BRONZE, bronze), (SILVER, silver))
        for file, row, delivery, rules in rows.collect()
    )
    planted = Counter(
        (a.table, a.file, a.row, a.delivery, tuple(sorted(a.rules))) for a in shop.answers if a.verdict == "quarantine"
    )
    assert planted
    assert found == planted


def test_every_rule_counts_the_rows_that_were_planted_for_it(shop: Shop) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for row in shop.lake.rules_ledger.rows():
        if row["failed"]:
            found[row["table"], row["rule"]] += row["failed"]
    assert found == Counter((a.table, rule) for a in shop.answers for rule in a.rules)


def test_the_tables_hold_what_the_answers_expect(shop: Shop) -> None:
    expected = shop.last.expected
    assert shop.lake.read(BRONZE).count() == expected[BRONZE]["rows"]
    balances = [batch.balance for run in shop.runs for batch in run.tables[BRONZE].batches]
    assert sum(balance.dropped for balance in balances) == expected[BRONZE]["drop"]
    silver = shop.lake.read(SILVER).selectExpr(
        "count(*) AS `rows`",
        "count_if(is_cancelled) AS cancelled",
        "count_if(is_known_customer) AS known_customers",
        "sum(quantity) AS units",
        "CAST(CAST(sum(quantity * unit_price) AS decimal(18,2)) AS string) AS amount",
    )
    assert silver.collect()[0].asDict() == {name: expected[SILVER][name] for name in silver.columns}
    gold = shop.lake.read(GOLD).selectExpr(
        "sum(lines) AS lines",
        "sum(units_sold - units_returned) AS units",
        "CAST(CAST(sum(net_amount) AS decimal(18,2)) AS string) AS net_amount",
    )
    assert gold.collect()[0].asDict() == expected[GOLD]

"""Generated card payments through all tables: faults found, features equal to pandas', days equal to one go."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.workflows.lake import Lake
from aurify.workflows.leakage import leakage
from retail.generate import GeneratedReport, generate
from retail.generate.payment_files import PAYMENTS, PaymentAnswers

VIEWS = {"gold.customer_payments": "customer_id", "gold.terminal_risk": "terminal_id"}
SILVER = "silver.card_payments"
RULES = {
    "amount_negative": ["expect_column_values_to_be_between(amount)"],
    "terminal_missing": ["expect_column_values_to_not_be_null(terminal_id)"],
    "time_missing": ["expect_column_values_to_not_be_null(paid_at)"],
}
DAYS, HISTORY, A_DAY = 3, 40, 400
Landed = tuple[Lake, GeneratedReport]


def landed(spark: SparkSession, home: Path, lake: Lake, cuts: list[int]) -> GeneratedReport:
    """Refresh the views after every cut."""
    before = 0
    for days in cuts:
        report = generate(
            spark,
            str(home / "sources"),
            days=days,
            landed=before,
            rows_per_day=60,
            payments_per_day=A_DAY,
            history=HISTORY,
        )
        run = lake.refresh(*(f"+{name}" for name in VIEWS))
        assert run.exit_code == 0, [t.error for t in run.tables.values() if t.error]
        before = days
    return report


@pytest.fixture(scope="module")
def one_by_one(
    spark: SparkSession, open_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory
) -> Landed:
    """Forty days at once, then day by day."""
    home = tmp_path_factory.mktemp("one-by-one")
    lake = open_lake(home)
    return lake, landed(spark, home, lake, [1, 2, 3])


@pytest.fixture(scope="module")
def at_once(spark: SparkSession, open_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """All days in one refresh."""
    home = tmp_path_factory.mktemp("at-once")
    lake = open_lake(home)
    landed(spark, home, lake, [DAYS])
    return lake


def assert_same(left: DataFrame, right: DataFrame) -> None:
    """Both hold the same rows, bit for bit."""
    assert left.columns == right.columns
    assert left.exceptAll(right).count() == 0
    assert right.exceptAll(left).count() == 0


def test_the_tables_hold_what_the_generator_counted(one_by_one: Landed) -> None:
    lake, report = one_by_one
    answers = PaymentAnswers(**json.loads((Path(report.answers) / "card_payments.json").read_text()))
    assert answers.bad
    assert {"1", "2", "3"} <= set(answers.frauds), "frauds of every pattern"
    held = lake.read(SILVER)
    assert held.count() == report.expected[SILVER]["rows"] == answers.payments
    bad = lake.quarantine(SILVER).select("payment_id", "_failed.id").collect()
    found = {str(row["payment_id"]): sorted(row["id"]) for row in bad}
    assert found == {id: sorted(RULES[fault]) for id, fault in answers.bad.items()}
    reported = lake.read("silver.fraud_reports").groupBy("scenario").count().collect()
    assert {str(row["scenario"]): row["count"] for row in reported} == answers.reported


@pytest.mark.parametrize("view", VIEWS)
def test_days_one_by_one_give_what_all_at_once_give(one_by_one: Landed, at_once: Lake, view: str) -> None:
    lake, report = one_by_one
    assert lake.read(view).count() == report.expected[SILVER]["rows"]
    assert_same(lake.read(view), at_once.read(view))


def test_a_day_writes_the_day_and_leaves_the_others(one_by_one: Landed) -> None:
    lake, _ = one_by_one
    last = max(
        (row for row in lake.batches_ledger.rows() if row["table"] == "gold.customer_payments"),
        key=lambda row: row["batch"],
    )
    assert last["inserted"] == last["assayed"] - last["unchanged"]
    assert (last["updated"], last["deleted"]) == (0, 0)
    assert last["assayed"] < 1.2 * A_DAY, "the look-back is read, not computed again"


def test_the_features_of_customers_are_those_of_pandas(at_once: Lake) -> None:
    paid = at_once.read(SILVER).select("payment_id", "customer_id", "paid_at", F.col("amount").cast("double"))
    frame = pd.DataFrame([tuple(r) for r in paid.collect()], columns=["id", "customer", "at", "amount"])
    frame = frame.sort_values(["customer", "at", "id"])
    by_customer = frame.set_index("at").groupby("customer")["amount"]
    expected = pd.DataFrame({"id": frame["id"].to_numpy()})
    for days in (1, 7, 30):
        rolling = by_customer.rolling(f"{days}D")
        expected[f"count_{days}d"] = rolling.count().to_numpy()
        expected[f"mean_amount_{days}d"] = rolling.mean().to_numpy()
    expected["max_amount_30d"] = by_customer.rolling("30D").max().to_numpy()
    expected["amount_per_mean_amount_30d"] = frame["amount"].to_numpy() / expected["mean_amount_30d"]
    expected["is_weekend"] = (frame["at"].dt.weekday >= 5).to_numpy()
    expected["is_night"] = (frame["at"].dt.hour <= 6).to_numpy()
    names = [name for name in expected.columns if name != "id"]
    twice = frame.duplicated(["customer", "at"], keep=False).to_numpy()  # pandas gives these rows different windows
    rows = {r["payment_id"]: r for r in at_once.read("gold.customer_payments").collect()}
    assert len(rows) == len(frame)
    for told, again in zip(expected.to_dict("records"), twice, strict=True):
        if not again:
            row = rows[told["id"]]
            assert {n: row[n] for n in names} == pytest.approx({n: told[n] for n in names}, rel=1e-9), told["id"]


def test_the_risk_of_a_terminal_is_what_was_known_by_then(at_once: Lake) -> None:
    reports = at_once.read("silver.fraud_reports").select("payment_id", "is_fraud", "reported_at")
    paid = at_once.read(SILVER).join(reports, "payment_id", "left")
    told = paid.select("payment_id", "terminal_id", "paid_at", "is_fraud", "reported_at").collect()
    frame = pd.DataFrame([tuple(r) for r in told], columns=["id", "terminal", "at", "fraud", "reported"])
    by_terminal = dict(iter(frame.groupby("terminal")))
    rows = {r["payment_id"]: r for r in at_once.read("gold.terminal_risk").collect()}
    week = pd.Timedelta(days=7)
    late = 0
    for payment in frame.itertuples():
        events = by_terminal[payment.terminal]
        seen = events[(events["at"] <= payment.at - week) & (events["at"] > payment.at - week - pd.Timedelta(days=30))]
        known = seen[seen["reported"] <= payment.at]
        late += len(seen) - len(known)
        row = rows[payment.id]
        assert row["count_30d_after_7d"] == len(known), payment
        share = known["fraud"].astype(float).mean() if len(known) else None
        assert row["share_is_fraud_30d_after_7d"] == (None if share is None else pytest.approx(share)), payment
    assert late, "some findings came after ten days"


def test_a_corrected_day_of_the_past_changes_what_it_reaches(
    spark: SparkSession, open_lake: Callable[[Path], Lake], tmp_path: Path
) -> None:
    lake = open_lake(tmp_path)
    landed(spark, tmp_path, lake, [DAYS])
    view = "gold.customer_payments"
    before = lake.read(view).localCheckpoint()
    file = sorted((tmp_path / "sources" / PAYMENTS).glob("*.parquet"))[20]
    rows = pq.read_table(file)
    dearer = pc.multiply(rows["TX_AMOUNT"], 2.0)
    pq.write_table(rows.set_column(4, "TX_AMOUNT", pc.cast(dearer, pa.float64())).slice(3), file)
    os.utime(file, (4_000_000_000, 4_000_000_000))
    assert lake.refresh(f"+{view}").exit_code == 0
    again = lake.read(view).localCheckpoint()
    assert before.exceptAll(again).count() > A_DAY, "later days change, too"
    assert again.count() == lake.read(SILVER).count() < before.count()
    assert lake.refresh(view, full=True).exit_code == 0
    assert_same(again, lake.read(view))


def test_a_training_set_holds_what_was_known_and_stays(at_once: Lake) -> None:
    lake = at_once
    asked = {"target": "is_fraud", "time": "paid_at", "known_at": "reported_at", "known_by": "2024-01-01"}
    made = lake.training_set("card_fraud", "silver.fraud_reports", list(VIEWS), **asked)
    rows = made.read(lake.spark).localCheckpoint()
    reports = lake.read("silver.fraud_reports").where("reported_at <= '2024-01-01'")
    assert rows.count() == reports.count() > 0
    assert set(made.features) <= set(rows.columns)
    assert {"amount", "customer_id", "terminal_id"} <= set(made.kept), "what the views keep comes with them"
    for view in VIEWS:
        names = ["payment_id", *(f.name for f in lake.spec(view).view.features)]  # type: ignore[union-attr]
        held = lake.read(view).join(reports.select("payment_id"), "payment_id").select(names)
        assert_same(rows.where("customer_id IS NOT NULL").select(names), held)
    again = lake.training_set("card_fraud", "silver.fraud_reports", list(VIEWS), **asked)
    assert again == made
    other = lake.training_set("card_fraud", "silver.fraud_reports", list(VIEWS), **{**asked, "known_by": "2023-12-31"})
    assert other.path != made.path
    assert other.read(lake.spark).count() < rows.count()


def test_the_card_of_points_is_searched_and_learned(
    spark: SparkSession, open_lake: Callable[[Path], Lake], tmp_path: Path
) -> None:
    lake = open_lake(tmp_path)
    sources = str(tmp_path / "sources")
    generate(spark, sources, days=1, rows_per_day=60, payments_per_day=A_DAY, history=60)
    assert lake.refresh(*(f"+{name}" for name in VIEWS)).exit_code == 0
    report = lake.train("card_fraud_points")
    assert report.passed, report.reasons
    told = lake.trained("card_fraud_points")
    assert [stage["kind"] for stage in told.record["stages"]] == ["Uncorrelated"]
    model = lake.registry.load(lake.registry.version("card_fraud_points", report.version))
    assert 0 < len(model.inputs) < len(told.record["features"]), "of features that say the same one is enough"
    run = lake.registry.client.get_run(report.run_id)
    assert {"found.bins", "found.fewest_in_bin"} <= set(run.data.params)


def test_the_labels_may_be_any_table_and_mistakes_are_told_at_once(at_once: Lake) -> None:
    lake = at_once
    made = lake.training_set("by_day", SILVER, ["gold.terminal_risk"], target="amount", between=("2024-01-01", None))
    assert made.read(lake.spark).where("paid_at < '2024-01-01'").isEmpty()
    with pytest.raises(ConfigurationError) as told:
        lake.training_set(
            "x", SILVER, ["gold.daily_sales", "gold.terminal_rsk"], target="is_fraud", known_by="2024-01-01"
        )
    assert {p.key for p in told.value.problems} == {"target", "known_at", "views"}
    assert len(told.value.problems) == 4


@pytest.mark.parametrize("view", VIEWS)
def test_the_features_leak_nothing(at_once: Lake, view: str) -> None:
    report = leakage(at_once, view, moments=3)
    assert report.rows > A_DAY
    assert (list(report.leaks), report.unknown) == ([], 0)

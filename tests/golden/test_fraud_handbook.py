"""The Fraud Detection Handbook's payments: its published features, row for row, on a sample of real days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from aurify.workflows.lake import Lake
from retail.handbook import split

DATA = Path(__file__).parents[3] / "shared" / "data" / "fraud_handbook" / "by-day"
DAYS = 45

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not beside the project")


@pytest.fixture(scope="module")
def days() -> list[Path]:
    """The first days."""
    return sorted(DATA.glob("*.parquet"))[:DAYS]


@pytest.fixture(scope="module")
def lake(days: list[Path], open_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The first days through both views: all but one at once, then the last."""
    home = tmp_path_factory.mktemp("handbook")
    lake = open_lake(home)
    for part in (days[:-1], days[-1:]):
        split(part, home / "sources")
        report = lake.refresh("+gold.customer_payments", "+gold.terminal_risk")
        assert report.exit_code == 0, [t.error for t in report.tables.values() if t.error]
    return lake


@pytest.fixture(scope="module")
def payments(days: list[Path]) -> pd.DataFrame:
    """The same, with every customer's and terminal's payments in order."""
    return pd.concat([pd.read_parquet(day) for day in days]).sort_values(["TX_DATETIME", "TRANSACTION_ID"])


def held(lake: Lake, view: str, columns: list[str]) -> pd.DataFrame:
    rows = lake.read(view).select("payment_id", *columns).collect()
    return pd.DataFrame([tuple(row) for row in rows], columns=["payment_id", *columns]).set_index("payment_id")


def test_every_payment_is_there_and_every_report(lake: Lake, payments: pd.DataFrame) -> None:
    assert lake.read("silver.card_payments").count() == len(payments)
    frauds = lake.read("silver.fraud_reports").where("is_fraud").count()
    assert frauds == int(payments["TX_FRAUD"].sum())
    amount = lake.read("silver.card_payments").agg({"amount": "sum"}).first()
    assert amount is not None
    assert float(amount[0]) == pytest.approx(payments["TX_AMOUNT"].sum(), abs=0.005)


@pytest.mark.parametrize("window", [1, 7, 30])
def test_the_features_of_customers_are_the_published_ones(lake: Lake, payments: pd.DataFrame, window: int) -> None:
    """The handbook's `get_customer_spending_behaviour_features`."""
    columns = [f"count_{window}d", f"mean_amount_{window}d"]
    mine = held(lake, "gold.customer_payments", columns)
    by_customer = payments.sort_values(["CUSTOMER_ID", "TX_DATETIME", "TRANSACTION_ID"]).set_index("TX_DATETIME")
    rolling = by_customer.groupby("CUSTOMER_ID")["TX_AMOUNT"].rolling(f"{window}D")
    theirs = pd.DataFrame(
        {"count": rolling.count().to_numpy(), "mean": rolling.mean().to_numpy()}, index=by_customer["TRANSACTION_ID"]
    )
    twice = by_customer.reset_index().duplicated(["CUSTOMER_ID", "TX_DATETIME"], keep=False).to_numpy()
    both = theirs[~twice].join(mine, how="inner")
    assert len(both) == len(theirs[~twice]) > 0.99 * len(payments)
    assert (both["count"] == both[columns[0]]).all()
    assert (both["mean"] - both[columns[1]]).abs().max() < 1e-9 * payments["TX_AMOUNT"].max()


@pytest.mark.parametrize("window", [1, 7, 30])
def test_the_risk_of_terminals_is_the_published_one(lake: Lake, payments: pd.DataFrame, window: int) -> None:
    """The handbook's `get_count_risk_rolling_window`, with its delay of seven days."""
    columns = [f"count_{window}d_after_7d", f"share_is_fraud_{window}d_after_7d"]
    mine = held(lake, "gold.terminal_risk", columns)
    by_terminal = payments.sort_values(["TERMINAL_ID", "TX_DATETIME", "TRANSACTION_ID"]).set_index("TX_DATETIME")
    rolling = by_terminal.groupby("TERMINAL_ID")["TX_FRAUD"]
    near, far = rolling.rolling("7D"), rolling.rolling(f"{window + 7}D")
    count = far.count().to_numpy() - near.count().to_numpy()
    frauds = far.sum().to_numpy() - near.sum().to_numpy()
    theirs = pd.DataFrame({"count": count, "frauds": frauds.round()}, index=by_terminal["TRANSACTION_ID"])
    both = theirs.join(mine, how="inner")
    assert len(both) == len(payments)
    assert (both["count"] == both[columns[0]]).mean() > 0.9999, "but for payments of one moment at one terminal"
    same = both[(both["count"] == both[columns[0]]) & (both["count"] > 0)]
    assert len(same) > 1000
    share = same["frauds"] / same["count"]
    assert (share - same[columns[1]].astype(float)).abs().max() < 1e-9
    assert both.loc[both[columns[0]] == 0, columns[1]].isna().all()

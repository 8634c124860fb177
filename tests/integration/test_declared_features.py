"""Declared features on a few rows, against values by hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from aurify import Calendar, Change, Cross, Free, Ratio, Window
from aurify.features.view import FeatureView, with_features

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DAY = timedelta(days=1)
FEATURES = (
    Window("mean", 3 * DAY, "amount", by="shop"),
    Change(Window("sum", DAY, "amount"), 2 * DAY),
    Ratio("amount", "mean_amount_3d_by_shop"),
    Calendar("weekday"),
    Calendar("is_night", zone="Asia/Tokyo"),
    Calendar("is_holiday", country="GB"),
    Cross(("weekday", "shop")),
    Free("twice", "double", lambda: F.col("amount") * 2),
)


def test_each_feature_is_what_it_says(spark: SparkSession) -> None:
    at = datetime(2023, 12, 25, 20, tzinfo=timezone.utc)
    rows = [(1, "a", "x", at, 4.0), (2, "b", "x", at + DAY, 8.0), (3, "a", "y", at + 2 * DAY, 6.0)]
    events = spark.createDataFrame(rows, "id int, card string, shop string, at timestamp, amount double")
    view = FeatureView(("card",), "at", FEATURES)
    made = {row["id"]: row for row in with_features(events, view).collect()}
    names = [feature.name for feature in FEATURES]
    assert [made[1][name] for name in names] == [4.0, None, 1.0, 1, True, True, "1|x", 8.0]
    assert [made[2][name] for name in names] == [6.0, None, 8 / 6, 2, True, True, "2|x", 16.0]
    assert [made[3][name] for name in names] == [6.0, 0.5, 1.0, 3, True, False, "3|y", 12.0]

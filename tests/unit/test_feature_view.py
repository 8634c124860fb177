"""What the file of a feature view declares: its columns, its reach, and every mistake at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurify import Calendar, Change, Cross, Free, Lag, Ratio, Recompute, Window, changes, feature_view, table
from aurify.tables.check import check_specs
from aurify.tables.declare import ATTRIBUTE
from aurify.tables.drift import code_fingerprint
from aurify.tables.spec import Changes, TableSpec

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

DAY = timedelta(days=1)
COLUMNS = "id bigint, card string, at timestamp, day date, amount double UNIT 'EUR'"
FEATURES = [
    Window("count", DAY),
    Window("mean", 7 * DAY, "amount", by="shop"),
    Lag("amount", 30 * DAY),
    Ratio("amount", "mean_amount_7d_by_shop"),
    Ratio("amount", "count_1d"),
    Change(Window("sum", 30 * DAY, "amount"), 365 * DAY),
    Calendar("weekday"),
    Calendar("is_night"),
    Cross(("weekday", "is_night")),
]


def spec_of(**given: Any) -> TableSpec:
    told: dict[str, Any] = {
        "inputs": {"rows": changes("bronze.paid")},
        "entity": "card",
        "event_time": "at",
        "by": "day",
        "keys": "id",
        "columns": COLUMNS,
        "features": FEATURES,
        "owner": "tests",
    }

    @feature_view("gold.cards", **{**told, **given})
    def cards(rows: DataFrame) -> DataFrame:
        """A payment."""
        return rows

    return getattr(cards, ATTRIBUTE)  # type: ignore[no-any-return]


def mistakes(spec: TableSpec) -> dict[str, str]:
    found = check_specs([spec], Path("/"), unread=["bronze.paid"])
    return {str(p.key).removeprefix("gold.cards."): p.found for p in found}


def test_the_contract_has_the_features_with_types_and_units() -> None:
    spec = spec_of()
    assert mistakes(spec) == {}
    fields = {f.name: (f.dataType.simpleString(), f.metadata.get("unit")) for f in spec.schema.fields}
    assert list(fields)[:5] == ["id", "card", "at", "day", "amount"]
    assert {name: told for name, told in fields.items() if name not in ("id", "card", "at", "day", "amount")} == {
        "count_1d": ("bigint", "1"),
        "mean_amount_7d_by_shop": ("double", "EUR"),
        "lag1_amount_30d": ("double", "EUR"),
        "amount_per_mean_amount_7d_by_shop": ("double", "1"),
        "amount_per_count_1d": ("double", "EUR"),
        "change_sum_amount_30d_in_365d": ("double", "1"),
        "weekday": ("int", None),
        "is_night": ("boolean", None),
        "weekday_x_is_night": ("string", None),
    }


def test_its_days_reach_as_far_as_its_longest_window() -> None:
    spec = spec_of()
    given = spec.inputs["rows"]
    assert isinstance(given, Changes)
    assert given.reach_days == 30 + 365 + 1, "and a day for the borders of dates"
    assert spec.write == Recompute(by="day")


def test_another_declaration_is_other_code() -> None:
    one, other = (spec_of(features=[Ratio("amount", "amount"), Window("count", n * DAY)]) for n in (1, 2))
    assert code_fingerprint(one) != code_fingerprint(other)


def test_the_declaration_is_data_and_free_functions_are_for_batches_only() -> None:
    def rank() -> Column:
        raise AssertionError("not called")

    view = spec_of(features=[Window("count", DAY), Free("rank", "int", rank)]).view
    assert view is not None
    told = view.as_dict()
    assert told["entity"] == ["card"]
    count, free = told["features"]
    assert (count["name"], count["kind"], count["online"], count["over"]) == ("count_1d", "window", True, 86_400.0)
    assert (free["name"], free["kind"], free["online"]) == ("rank", "free", False)


def test_every_mistake_is_told() -> None:
    wrong = [
        Window("men", DAY, "amount"),
        Window("sum", -DAY, "amount"),
        Window("max", DAY, "price"),
        Window("mean", DAY),
        Lag("amount", DAY, n=0),
        Ratio("amount", "mean_amount_9d"),
        Calendar("wekday"),
        Window("count", DAY),
        Window("count", DAY),
    ]
    found = mistakes(spec_of(features=wrong, entity="cart"))
    assert set(found) == {
        "men_amount_1d",
        "sum_amount_-1d",
        "units",
        "mean_1d",
        "lag0_amount_1d",
        "amount_per_mean_amount_9d",
        "wekday",
        "features",
        "entity",
    }
    assert found["units"] == "price without a unit"


@pytest.mark.parametrize("features", [[], "count", [Window("count", DAY), 7]])
def test_what_is_no_feature_is_told(features: Any) -> None:
    assert "features" in mistakes(spec_of(features=features))


def test_a_reach_is_for_tables_computed_by_the_day() -> None:
    @table(
        "gold.cards",
        inputs={"rows": changes("bronze.paid", reach=DAY)},
        keys="id",
        columns=COLUMNS,
        write=Recompute(by="card"),
        owner="tests",
    )
    def cards(rows: DataFrame) -> DataFrame:
        """A payment."""
        return rows

    assert list(mistakes(getattr(cards, ATTRIBUTE))) == ["inputs.rows.reach"]


def test_an_input_touches_no_days_before_the_shortest_delay() -> None:
    late = [Window("count", DAY, delay=7 * DAY), Window("count", 3 * DAY, delay=9 * DAY)]
    spec = spec_of(features=late, inputs={"rows": changes("bronze.paid", after=7 * DAY)})
    given = spec.drivers["rows"]
    assert mistakes(spec) == {}
    assert (given.after_days, given.reach_days) == (6, 13)
    assert list(mistakes(spec_of(features=late, inputs={"rows": changes("bronze.paid", after=9 * DAY)}))) == [
        "inputs.rows.reach"
    ]

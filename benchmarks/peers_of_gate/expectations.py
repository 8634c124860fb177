"""The twelve rules of `gate` as Great Expectations has them, for it and for what runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.gate_shapes import CODES

VALUES = "expect_column_values_to"
EXPECTATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "order_id_there": (f"{VALUES}_not_be_null", {"column": "order_id"}),
    "order_id_shape": (f"{VALUES}_match_regex", {"column": "order_id", "regex": r"^O\d{9}$"}),
    "customer_there": (f"{VALUES}_not_be_null", {"column": "customer_id"}),
    "country_length": ("expect_column_value_lengths_to_equal", {"column": "country", "value": 2}),
    "country_known": (f"{VALUES}_be_in_set", {"column": "country", "value_set": list(CODES)}),
    "status_known": (f"{VALUES}_be_in_set", {"column": "status", "value_set": ["new", "paid", "sent", "back"]}),
    "amount_range": (f"{VALUES}_be_between", {"column": "amount", "min_value": 0, "max_value": 10000}),
    "amount_there": (f"{VALUES}_not_be_null", {"column": "amount"}),
    "quantity_range": (f"{VALUES}_be_between", {"column": "quantity", "min_value": 1, "max_value": 1000}),
    "amount_covers": (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "amount", "column_B": "quantity", "or_equal": True, "ignore_row_if": "either_value_is_missing"},
    ),
    "email_shape": (f"{VALUES}_match_regex", {"column": "email", "regex": r"^[^@ ]+@[^@ ]+\.[a-z]{2,}$"}),
    "ordered_range": (
        f"{VALUES}_be_between",
        {"column": "ordered_at", "min_value": "2020-01-01", "max_value": "2030-01-01"},
    ),
}

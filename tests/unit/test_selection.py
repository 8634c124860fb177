"""Patterns choose tables, with what they are made of and what is made of them."""

from __future__ import annotations

import pytest

from aurify.errors import ConfigurationError
from aurify.tables.selection import select
from aurify.tables.spec import Append, Changes, TableSpec

READS = {
    "bronze.products": [],
    "bronze.till": [],
    "silver.lines": ["bronze.till", "silver.products"],
    "silver.products": ["bronze.products"],
    "gold.daily_sales": ["silver.lines"],
    "gold.stock": ["silver.products"],
}
SPECS = {
    name: TableSpec(name, {above: Changes(above) for above in reads}, (), "a int", Append(), lambda **frames: None)  # type: ignore[arg-type]
    for name, reads in READS.items()
}
ALL = ["bronze.products", "bronze.till", "silver.products", "gold.stock", "silver.lines", "gold.daily_sales"]

CASES = [
    ([], ALL),
    (["*"], ALL),
    (["silver.lines"], ["silver.lines"]),
    (["silver.*"], ["silver.products", "silver.lines"]),
    (["gold.s?ock"], ["gold.stock"]),
    (["+gold.stock"], ["bronze.products", "silver.products", "gold.stock"]),
    (["bronze.till+"], ["bronze.till", "silver.lines", "gold.daily_sales"]),
    (["+silver.lines+"], [name for name in ALL if name != "gold.stock"]),
    (["gold.stock", "bronze.till"], ["bronze.till", "gold.stock"]),
    (["silver.*", "silver.lines"], ["silver.products", "silver.lines"]),
]


@pytest.mark.parametrize(("patterns", "expected"), CASES, ids=[" ".join(patterns) or "none" for patterns, _ in CASES])
def test_a_selection_comes_in_graph_order(patterns: list[str], expected: list[str]) -> None:
    assert select(patterns, SPECS) == expected


def test_every_pattern_that_matches_nothing_is_named() -> None:
    with pytest.raises(ConfigurationError) as error:
        select(["silver.line", "gold.*", "+silver.linse+"], SPECS)
    assert [(p.key, p.hint) for p in error.value.problems] == [
        ("silver.line", "did you mean 'silver.lines'?"),
        ("+silver.linse+", "did you mean 'silver.lines'?"),
    ]

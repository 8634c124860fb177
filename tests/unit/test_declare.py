"""The decorator attaches a spec and leaves the function as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import aurify
import aurify.models
from aurify import Append, Recompute, Upsert, changes, folder, snapshot, table
from aurify.errors import ConfigurationError
from aurify.tables.declare import ATTRIBUTE
from aurify.tables.spec import Folder, Input, TableSpec


def _lines(lines: Any, products: Any = None) -> Any:
    """One row per till line.

    More is said here.
    """
    return lines


def _spec(**options: Any) -> TableSpec:
    def function(lines: Any) -> Any:
        return lines

    usual: dict[str, Any] = {"inputs": {"lines": changes("bronze.a")}, "columns": "a int", "write": Append()}
    spec = getattr(table("silver.a", **{**usual, **options})(function), ATTRIBUTE)
    assert isinstance(spec, TableSpec)
    return spec


def test_the_function_comes_back_unchanged_with_its_spec() -> None:
    inputs: dict[str, Input] = {"lines": changes("bronze.a"), "products": snapshot("silver.products")}
    decorated = table(
        "silver.a", inputs=inputs, keys=["a"], time="t", columns="a int, t date", write=Append(), owner="team"
    )(_lines)
    spec = getattr(decorated, ATTRIBUTE)
    assert decorated is _lines
    assert decorated("frame") == "frame"
    assert (spec.name, spec.layer, spec.keys, spec.time, spec.owner) == ("silver.a", "silver", ("a",), "t", "team")
    assert spec.doc == "One row per till line."
    assert spec.file == __file__
    assert spec.function is _lines
    assert (list(spec.drivers), list(spec.lookups)) == (["lines"], ["products"])
    assert spec.upstream == ("bronze.a", "silver.products")


@pytest.mark.parametrize("columns", ["a", ["a"], ("a",)], ids=["text", "list", "tuple"])
def test_names_of_columns_are_stored_as_tuples(columns: Any) -> None:
    assert _spec(keys=columns).keys == ("a",)
    assert Upsert(order_by="t", locate_by=columns).locate_by == ("a",)
    assert Recompute(by=columns).by == ("a",)


def test_write_modes_are_values() -> None:
    upsert = Upsert("t", "a", tombstones=timedelta(days=1))
    assert upsert == Upsert(order_by="t", locate_by=["a"], tombstones=timedelta(days=1))
    assert repr(Recompute("a")) == "Recompute(by=('a',))"


def test_a_table_fed_by_a_folder_has_source_columns_and_their_key() -> None:
    spec = _spec(inputs={"lines": folder("till", delimiter=";")}, columns="a string, b string")
    assert spec.folder == Folder("till", "a string, b string", delimiter=";")
    assert spec.keys == ("_source_file", "_delivery", "_source_row")
    assert spec.schema.names == ["a", "b", "_source_file", "_source_row", "_delivery", "_delivered_at"]


def test_a_folder_keeps_its_own_columns_and_a_table_its_own_keys() -> None:
    spec = _spec(inputs={"lines": folder("till", columns="x string")}, keys="a")
    assert spec.folder == Folder("till", "x string")
    assert spec.keys == ("a",)


def test_wrong_values_are_kept_for_the_check() -> None:
    spec = _spec(inputs="bronze.a", keys=5, write=Upsert, columns=None, rows="some", owner=None)
    kept: list[object] = [spec.inputs, spec.keys, spec.write, spec.columns, spec.rows, spec.owner]
    assert kept == ["bronze.a", 5, Upsert, None, "some", None]
    upsert: Any = Upsert
    assert upsert(order_by=1, locate_by=2).locate_by == 2


def test_what_is_no_function_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="a function"):
        _ = table("silver.a", inputs={}, columns="a int", write=Append())(5)  # type: ignore[type-var]


def test_a_function_makes_one_table_only() -> None:
    def copy(lines: Any) -> Any:
        return lines

    for_table: dict[str, Any] = {"inputs": {"lines": changes("bronze.a")}, "columns": "a int", "write": Append()}
    table("silver.a", **for_table)(copy)
    with pytest.raises(ConfigurationError, match=r"which makes silver\.a already"):
        table("silver.b", **for_table)(copy)


def test_the_public_names_are_those_of_the_package() -> None:
    assert aurify.__version__ == "0.1.0"
    assert set(aurify.__all__) <= set(dir(aurify))
    with pytest.raises(AttributeError, match="has no attribute 'tabel'"):
        _ = aurify.tabel


def test_the_public_names_of_models_are_there_when_they_are_asked_for() -> None:
    assert set(aurify.models.__all__) == set(dir(aurify.models))
    assert all(getattr(aurify.models, name).__name__ == name for name in aurify.models.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'LihgtGBM'"):
        _ = aurify.models.LihgtGBM

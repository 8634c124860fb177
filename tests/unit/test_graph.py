"""Tables are ordered by what they read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aurify.tables.graph import cycles, downstream_of, order, upstream_of
from aurify.tables.spec import Append, Changes, Snapshot, TableSpec


def _specs(**reads: list[str]) -> dict[str, TableSpec]:
    """Tables by name, each with the tables it reads: the first drives, the others are looked up."""
    return {
        name: TableSpec(
            name=name,
            inputs={f"i{at}": Snapshot(above) if at else Changes(above) for at, above in enumerate(above_all)},
            keys=(),
            columns="a int",
            write=Append(),
            function=lambda **frames: next(iter(frames.values())),
        )
        for name, above_all in reads.items()
    }


SHOP = _specs(sales=["lines", "rates"], lines=["till", "products"], products=["master"], till=[], rates=[], master=[])


def test_a_table_stands_after_all_that_it_reads_and_equals_by_the_alphabet() -> None:
    assert order(SHOP) == ["master", "products", "rates", "till", "lines", "sales"]


def test_the_order_of_declaration_does_not_matter() -> None:
    assert order(dict(reversed(SHOP.items()))) == order(SHOP)


def test_upstream_and_downstream_go_all_the_way() -> None:
    assert upstream_of("lines", SHOP) == {"till", "products", "master"}
    assert downstream_of("master", SHOP) == {"products", "lines", "sales"}
    assert upstream_of("till", SHOP) == set()


def test_tables_outside_the_project_are_no_part_of_the_graph() -> None:
    assert order(_specs(lines=["elsewhere"])) == ["lines"]


def test_circles_are_told_as_paths_in_the_direction_of_the_rows() -> None:
    graph = {"a": ["c"], "b": ["a"], "c": ["b"], "d": ["a", "e"], "e": ["e"]}
    assert cycles(graph) == [["a", "b", "c", "a"], ["e", "e"]]
    assert cycles({"a": [], "b": ["a"]}) == []


@settings(max_examples=40, deadline=None)
@given(st.permutations("abcdefgh"), st.data())
def test_no_table_stands_before_one_that_it_reads(names: list[str], data: st.DataObject) -> None:
    reads = {
        name: data.draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else []
        for at, name in enumerate(names)
    }
    ordered = order(_specs(**reads))
    assert all(ordered.index(above) < ordered.index(name) for name, above_all in reads.items() for above in above_all)

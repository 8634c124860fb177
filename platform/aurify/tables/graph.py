"""The graph of tables: what must be refreshed before what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush

from aurify.tables.spec import TableSpec

Edges = Mapping[str, Iterable[str]]
NOTHING: Edges = {}


def edges(specs: Mapping[str, TableSpec], looks_into: Edges = NOTHING) -> dict[str, set[str]]:
    """Each table with the tables it reads, and those that its suite looks into."""
    return {
        name: {above for above in (*spec.upstream, *looks_into.get(name, ())) if above in specs}
        for name, spec in specs.items()
    }


def order(specs: Mapping[str, TableSpec], looks_into: Edges = NOTHING) -> list[str]:
    """The names so that every table stands after those it reads; equals stand by the alphabet."""
    sorter = TopologicalSorter(edges(specs, looks_into))
    sorter.prepare()
    ready = list(sorter.get_ready())
    heapify(ready)
    ordered: list[str] = []
    while ready:
        name = heappop(ready)
        ordered.append(name)
        sorter.done(name)
        for freed in sorter.get_ready():
            heappush(ready, freed)
    return ordered


def upstream_of(name: str, specs: Mapping[str, TableSpec], looks_into: Edges = NOTHING) -> set[str]:
    """All tables that `name` is made of, directly or not."""
    return _reached(name, edges(specs, looks_into))


def downstream_of(name: str, specs: Mapping[str, TableSpec]) -> set[str]:
    """All tables that are made of `name`, directly or not."""
    below: dict[str, set[str]] = {table: set() for table in specs}
    for table, inputs in edges(specs).items():
        for above in inputs:
            below[above].add(table)
    return _reached(name, below)


def _reached(start: str, graph: Edges) -> set[str]:
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph[name])
    return found - {start}


def cycles(graph: Edges) -> list[list[str]]:
    """Circles that share no table, each as a path in the direction of the rows that ends where it began."""
    left = {name: set(inputs) for name, inputs in graph.items()}
    found: list[list[str]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            path: list[str] = error.args[1]
            first = path.index(min(path[:-1]))
            found.append([*path[first:-1], *path[: first + 1]])
            left = {name: inputs - set(path) for name, inputs in left.items() if name not in path}
        else:
            return sorted(found)

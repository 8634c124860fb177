"""Which tables a command is about: `silver.*`, `+gold.daily_sales`, `bronze.pos_lines+`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.tables.graph import NOTHING, Edges, downstream_of, order, upstream_of
from aurify.tables.spec import TableSpec


def select(patterns: Sequence[str], specs: Mapping[str, TableSpec], looks_into: Edges = NOTHING) -> list[str]:
    """The tables that any pattern names, in graph order; all of them without a pattern.

    `+` before a pattern adds all that its tables are made of or look into, `+` after it all that is made of them.
    """
    chosen: set[str] = set() if patterns else set(specs)
    problems: list[Problem] = []
    for pattern in patterns:
        body = pattern.strip().removeprefix("+").removesuffix("+")
        named = {name for name in specs if fnmatchcase(name, body)}
        if not named:
            hint = did_you_mean(body, specs)
            problems.append(Problem("selection", "nothing that it matches", "the name of a table", hint, pattern))
        chosen |= named
        if pattern.strip().startswith("+"):
            chosen |= {above for name in named for above in upstream_of(name, specs, looks_into)}
        if pattern.strip().endswith("+"):
            chosen |= {below for name in named for below in downstream_of(name, specs)}
    if problems:
        raise ConfigurationError("selection", problems)
    return [name for name in order(specs, looks_into) if name in chosen]

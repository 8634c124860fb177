"""Every expectation there is, and how it runs: what `aurify expectations` lists and docs/expectations.md holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aurify.quality.row_rules import ROW_RULES
from aurify.quality.row_rules.registry import RowExpectation
from aurify.quality.table_rules import TABLE_RULES
from aurify.quality.table_rules.registry import TableExpectation

EQUAL = "compiled and equal"
DIFFERENT = "compiled with a stated difference"
UNSUPPORTED = "not on Spark"
OURS = "compiled, beyond Great Expectations"


@dataclass(frozen=True)
class Listed:
    """One expectation: what it judges, its arguments (`*` must be given), how it runs, and what to know of that."""

    name: str
    sentence: str
    judges: str
    arguments: tuple[str, ...]
    runs: str
    note: str


def listed() -> Iterator[Listed]:
    """All expectations by name."""
    known: Mapping[str, RowExpectation | TableExpectation] = {**ROW_RULES, **TABLE_RULES}
    for name in sorted(known):
        yield _listed(known[name])


def _listed(expectation: RowExpectation | TableExpectation) -> Listed:
    arguments = [f"{key}*" for key in expectation.over.value]
    arguments += [f"{key}*" if a.required else key for key, a in expectation.arguments.items()]
    unsupported = expectation.unsupported if isinstance(expectation, TableExpectation) else ""
    runs = (
        UNSUPPORTED if unsupported else OURS if expectation.is_ours else DIFFERENT if expectation.difference else EQUAL
    )
    judges = "row" if isinstance(expectation, RowExpectation) else "batch"
    sentence = "" if unsupported else expectation.sentence
    return Listed(expectation.name, sentence, judges, tuple(arguments), runs, unsupported or expectation.difference)


def as_markdown() -> str:
    """The list as a document."""
    rows = list(listed())
    counts = {runs: sum(row.runs == runs for row in rows) for runs in (EQUAL, DIFFERENT, OURS, UNSUPPORTED)}
    lines = [
        "# Expectations",
        "",
        "Made by `aurify expectations --markdown`; don't edit. Names and arguments are those of Great Expectations",
        "1.24; each also takes `row_condition`, `severity`, `on_fail` and `scope`, and one that judges rows `mostly`",
        "and `stop_above`. An argument with * must be given. Expectations of a project's own are functions with",
        "`@row_expectation` or `@table_expectation`, compiled too; a class of Great Expectations' own kind in one of",
        "the project's modules goes by its name as well, and runs in Great Expectations itself.",
        "",
        *(f"- {runs}: {count}" for runs, count in counts.items()),
        "",
        "| expectation | judges | what must hold | arguments | how it runs |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        runs = f"{row.runs}: {row.note}" if row.note else row.runs
        cells = (f"`{row.name}`", row.judges, row.sentence, ", ".join(f"`{a}`" for a in row.arguments), runs)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, ""])

"""Balances, rules and files left out, as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from aurify.sources import FileProblem

BEFORE = ("quarantined", "dropped", "superseded", "offered")
AFTER = ("inserted", "updated", "deleted", "stale", "unchanged")


def balance_lines(terms: Mapping[str, int]) -> list[tuple[str, str]]:
    """Every term: what was read, what became of the rows assayed, what became of the rows offered.

    >>> terms = dict.fromkeys(("read", "withdrawn", "assayed", *BEFORE, *AFTER, "removed"), 0)
    >>> for whole, parts in balance_lines({**terms, "read": 3, "assayed": 3, "dropped": 1, "offered": 2, "stale": 2}):
    ...     print(whole, *filter(None, [parts]))
    read 3
    assayed 3 = 0 quarantined + 1 dropped + 0 superseded + 2 offered
    offered 2 = 0 inserted + 0 updated + 0 deleted + 2 stale + 0 unchanged
    """
    withdrawn = f" and {terms['withdrawn']} withdrawn" if terms["withdrawn"] else ""
    removed = f" + removed {terms['removed']}" if terms["removed"] else ""
    return [
        (f"read {terms['read']}{withdrawn}", ""),
        (f"assayed {terms['assayed']}", f"= {_sum(terms, BEFORE)}"),
        (f"offered {terms['offered']}{removed}", f"= {_sum(terms, AFTER)}"),
    ]


def _sum(terms: Mapping[str, int], names: Sequence[str]) -> str:
    return " + ".join(f"{terms[name]} {name}" for name in names)


def balance_table(title: str, terms: Mapping[str, int], failed_rules: Mapping[str, int]) -> Table:
    """One batch: its balance, and the rules that rows failed."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False)
    table.add_column("whole", no_wrap=True)
    table.add_column("parts")
    for whole, parts in balance_lines(terms):
        table.add_row(whole, parts)
    for rule, rows in sorted(failed_rules.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"{rows} failed", rule)
    return table


def file_lines(title: str, problems: Iterable[FileProblem]) -> str:
    """Files that were left out: kind, what was found, what was expected, and the next step."""
    return "\n".join([title, *(line for problem in problems for line in problem.as_problem().lines())])


def rows_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], title: str | None = None) -> Table:
    """Some values of every row; numbers on the right."""
    from rich.table import Table

    held = list(rows)
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in columns:
        numbers = all(isinstance(row[name], int | float | None) for row in held)
        table.add_column(name.replace("_", " "), justify="right" if numbers else "left", overflow="fold")
    for row in held:
        table.add_row(*(_cell(row[name]) for name in columns))
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "\n".join(str(item) for item in value)
    return str(value)

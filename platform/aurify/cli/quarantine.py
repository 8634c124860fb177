"""`aurify quarantine`: which rows failed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.quarantine_summary import QuarantineSummary


@project_command("quarantine", "aurify quarantine silver.pos_lines", "aurify quarantine silver.pos_lines --limit 50")
@click.argument("table")
@click.option("--limit", type=click.IntRange(min=0), default=10, show_default=True, help="Rows to show.")
@click.option("--pending", is_flag=True, help="Rows of attempts that were not published.")
@click.pass_obj
def quarantine(given: Invocation, table: str, limit: int, pending: bool) -> Answer:
    """Show which rows failed, and why.

    Reasons by count, then a sample, newest batch first. Values of columns marked PII are shown as ***.
    """
    from aurify.workflows.quarantine_summary import quarantine_summary

    lake = given.lake()
    lake.spec(table)
    found = quarantine_summary(lake, table, pending=pending, limit=limit)
    return Answer(vars(found), lambda console: _show(console, found))


def _show(console: Console, found: QuarantineSummary) -> None:
    from aurify.cli.balance import rows_table

    console.print(f"{found.table}: {found.rows} rows {'pending' if found.pending else 'in quarantine'}")
    if found.reasons:
        console.print(rows_table(("rows", "rule", "text"), found.reasons))
    if found.sample:
        console.print(rows_table(("batch", "failed", "row", "from"), map(_row, found.sample), "sample"))


def _row(row: Mapping[str, Any]) -> dict[str, object]:
    own = {name: value for name, value in row.items() if not name.startswith("_")}
    pointers = {**{n: v for n, v in row.items() if n.startswith(("_source", "_delivery"))}, **(row["_pointers"] or {})}
    return {
        "batch": row["_batch"],
        "failed": [_reason(reason, row["_raw"] or {}) for reason in row["_failed"]],
        "row": ", ".join(f"{name}={value}" for name, value in own.items()),
        "from": ", ".join(f"{name.lstrip('_')} {value}" for name, value in pointers.items()),
    }


def _reason(reason: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    columns, values = reason["columns"] or [], reason["values"] or []
    told = [f"{c}={raw.get(c, v)}" for c, v in zip(columns, values, strict=False)]
    return f"{reason['id']}{': ' + ', '.join(told) if told else ''}"

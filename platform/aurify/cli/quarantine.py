"""`aurify quarantine`: which rows failed and why, and what people do about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.workflows.row_states import REPAIRABLE, STANDING, STATES

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.quarantine_summary import QuarantineSummary
    from aurify.workflows.row_decisions import RowVerb


DONE = {
    "accept": "accepted: the next replay lets them pass",
    "reject": "rejected: no replay takes them",
    "reopen": "open again",
}


@project_command(
    "quarantine",
    "aurify quarantine silver.pos_lines",
    "aurify quarantine silver.pos_lines --export bad.csv",
    "aurify quarantine silver.pos_lines --import repaired.csv --reason 'codes from the till'",
    "aurify quarantine silver.pos_lines accept --rule quantity_in_range --reason 'a wholesaler, asked sales'",
)
@click.argument("table")
@click.argument("verb", type=click.Choice(list(DONE)), required=False)
@click.option("--limit", type=click.IntRange(min=0), default=10, show_default=True, help="Rows to show.")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only rows in this state.")
@click.option("--pending", is_flag=True, help="Rows of attempts that were not published.")
@click.option("--export", "to", type=click.Path(dir_okay=False, path_type=Path), help="Write rows to .csv or .parquet.")
@click.option(
    "--import", "repaired", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take repaired rows."
)
@click.option("--row", "rows", multiple=True, help="Rows to decide about, by name.")
@click.option("--rule", "rules", multiple=True, help="Rows to decide about: all that failed this rule.")
@click.option("--reason", default="", help="Why; it stands beside the decision.")
@click.pass_obj
def quarantine(
    given: Invocation,
    table: str,
    verb: str | None,
    limit: int,
    states: tuple[str, ...],
    pending: bool,
    to: Path | None,
    repaired: Path | None,
    rows: tuple[str, ...],
    rules: tuple[str, ...],
    reason: str,
) -> Answer:
    """Show which rows failed; repair or decide about them.

    Reasons by count, then a sample, newest batch first. Values of columns marked PII are shown as ***, but a file
    holds them as they are. What is repaired or accepted enters the table by `aurify replay`.
    """
    if sum(map(bool, (verb, to, repaired))) > 1:
        raise click.UsageError("one thing at a time: --export, --import, or a verb")
    lake = given.lake()
    lake.spec(table)
    if verb is not None:
        from aurify.workflows.row_decisions import decide_rows

        count = decide_rows(lake, table, cast("RowVerb", verb), rows=rows, rules=rules, reason=reason)
        return _told({"table": table, "decision": verb, "rows": count}, f"{table}: {count} rows are {DONE[verb]}")
    if to is not None:
        from aurify.workflows.quarantine_files import export_rows

        count = export_rows(lake, table, to, states or REPAIRABLE)
        return _told({"table": table, "file": str(to), "rows": count}, f"{table}: {count} rows are in {to}")
    if repaired is not None:
        from aurify.workflows.quarantine_files import import_rows

        count = import_rows(lake, table, repaired, reason)
        told = f"{table}: {count} rows are repaired; let them in: aurify replay {table}"
        return _told({"table": table, "file": str(repaired), "rows": count}, told)
    from aurify.workflows.quarantine_summary import quarantine_summary

    found = quarantine_summary(lake, table, pending=pending, limit=limit, states=states or STANDING)
    return Answer(vars(found), lambda console: _show(console, found))


def _told(document: Mapping[str, Any], text: str) -> Answer:
    return Answer(document, lambda console: console.print(text, soft_wrap=True))


def _show(console: Console, found: QuarantineSummary) -> None:
    from aurify.cli.balance import rows_table

    states = ", ".join(f"{rows} {state}" for state, rows in found.states.items())
    console.print(f"{found.table}: {found.rows} rows {'pending' if found.pending else 'in quarantine'} ({states})")
    if found.reasons:
        console.print(rows_table(("rows", "rule", "text"), found.reasons))
    if found.sample:
        console.print(rows_table(("name", "state", "failed", "row", "from"), map(_row, found.sample), "sample"))
    if found.takes:
        console.print(f"{found.takes} rows may enter now: aurify replay {found.table}", soft_wrap=True)


def _row(row: Mapping[str, Any]) -> dict[str, object]:
    own = {name: value for name, value in row.items() if not name.startswith("_")}
    pointers = {**{n: v for n, v in row.items() if n.startswith(("_source", "_delivery"))}, **(row["_pointers"] or {})}
    return {
        "name": row["_name"],
        "state": row["_state"],
        "failed": [_reason(reason, row["_raw"] or {}) for reason in row["_failed"]],
        "row": ", ".join(f"{name}={value}" for name, value in own.items()),
        "from": ", ".join(f"{name.lstrip('_')} {value}" for name, value in pointers.items()),
    }


def _reason(reason: Mapping[str, Any], raw: Mapping[str, Any]) -> str:
    columns, values = reason["columns"] or [], reason["values"] or []
    told = [f"{c}={raw.get(c, v)}" for c, v in zip(columns, values, strict=False)]
    return f"{reason['id']}{': ' + ', '.join(told) if told else ''}"

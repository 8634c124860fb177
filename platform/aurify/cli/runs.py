"""`aurify runs`: what was done, from the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.lake import Lake


@project_command("runs", "aurify runs", "aurify runs silver.pos_lines --limit 5 --json")
@click.argument("table", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@click.pass_obj
def runs(given: Invocation, table: str | None, limit: int) -> Answer:
    """List the runs, or the batches of a table.

    Newest first, batches with their balance and failed rules. No Spark is started.
    """
    lake = given.lake()
    if table is None:
        rows = sorted(lake.runs_ledger.rows(), key=lambda r: (r["started_at"], r["run"]), reverse=True)[:limit]
        return Answer({"runs": rows}, lambda console: _show_runs(console, rows))
    lake.spec(table)
    batches = _batches(lake, table)[:limit]
    return Answer({"table": table, "batches": batches}, lambda console: _show_batches(console, table, batches))


def _batches(lake: Lake, table: str) -> list[dict[str, Any]]:
    """The ledger's batches of a table with the rules that rows failed."""
    failed: dict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for row in lake.rules_ledger.rows(table):
        if row["failed"]:
            failed[row["generation"], row["batch"]][row["rule"]] = row["failed"]
    mine = sorted(lake.batches_ledger.rows(table), key=lambda r: (r["generation"], r["batch"]), reverse=True)
    return [{**row, "failed_rules": failed[row["generation"], row["batch"]]} for row in mine]


def _show_runs(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    from aurify.cli.balance import rows_table

    if not rows:
        console.print("no run yet: aurify refresh")
        return
    shown = (
        {
            **row,
            "started": f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
            "seconds": round((row["ended_at"] - row["started_at"]).total_seconds(), 1),
        }
        for row in rows
    )
    names = ("run", "started", "seconds", "batches", "outcome", "exit_code", "selection")
    console.print(rows_table(names, shown))


def _show_batches(console: Console, table: str, batches: Sequence[Mapping[str, Any]]) -> None:
    from aurify.cli.balance import balance_table

    if not batches:
        console.print(f"{table}: no batch yet: aurify refresh {table}")
    for row in batches:
        again = f" of generation {row['generation']}" if row["generation"] > 1 else ""
        title = f"batch {row['batch']}{again}: {row['state']} {row['committed_at']:%Y-%m-%d %H:%M:%S}, run {row['run']}"
        console.print(balance_table(title, row, row["failed_rules"]))

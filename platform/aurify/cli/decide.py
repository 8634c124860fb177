"""`aurify batch` and `aurify files`: what waits for people to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.sources import FileProblem
    from aurify.workflows.decisions import Verb

DONE = {
    "accept": "is accepted: the next refresh publishes it in spite of the rules that stopped it",
    "reject": "is rejected: the next refresh closes it and puts all its rows into quarantine",
    "retry": "is released: the next refresh tries it again",
}


@project_command(
    "batch",
    "aurify batch silver.pos_lines",
    "aurify batch silver.pos_lines 7 retry",
    "aurify batch silver.pos_lines 7 accept --reason 'prices were raised, agreed with sales'",
)
@click.argument("table")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.argument("verb", type=click.Choice(list(DONE)), required=False)
@click.option("--reason", default="", help="Why; it stands in the commit. Not needed to retry.")
@click.pass_obj
def batch(given: Invocation, table: str, number: int | None, verb: str | None, reason: str) -> Answer:
    """List the batches of a table, or decide about a stopped one."""
    from aurify.workflows.decisions import batches, decide_batch

    lake = given.lake()
    lake.spec(table)
    if number is not None and verb is not None:
        decide_batch(lake, table, number, cast("Verb", verb), reason)
        document = {"table": table, "batch": number, "decision": verb, "reason": reason}
        return Answer(document, lambda console: console.print(f"{table} batch {number} {DONE[verb]}"))
    found = [row for row in batches(lake, table) if number in (None, row["batch"])]
    if number is not None and not found:
        raise ConfigurationError.of(table, f"no batch {number}", "a recorded batch", f"aurify batch {table}")
    return Answer({"table": table, "batches": found}, lambda console: _show_batches(console, table, found))


def _show_batches(console: Console, table: str, found: list[dict[str, Any]]) -> None:
    from aurify.cli.balance import rows_table

    if not found:
        console.print(f"{table}: no batch yet: aurify refresh {table}")
        return
    names = ("generation", "batch", "state", "kind", "recorded_at", "files", "reads", "stopped_by")
    console.print(rows_table(names, map(_batch_row, found)))


def _batch_row(row: dict[str, Any]) -> dict[str, Any]:
    stopped = row["stopped"] or {"rows": 0, "rules": []}
    reads = [f"{name} versions {first} to {last}" for name, (first, last) in row["inputs"].items()]
    by = [rule.get("found", rule["id"]) for rule in stopped["rules"]]
    return {**row, "reads": reads, "stopped_by": by}


@project_command(
    "files",
    "aurify files bronze.pos_lines",
    "aurify files bronze.pos_lines reject 2011/day_07.csv --reason 'the till sends it again tomorrow'",
)
@click.argument("table")
@click.argument("verb", type=click.Choice(["reject"]), required=False)
@click.argument("path", required=False)
@click.option("--reason", default="", help="Why the file is left out for good.")
@click.pass_obj
def files(given: Invocation, table: str, verb: str | None, path: str | None, reason: str) -> Answer:
    """List the files left out, or leave one out for good.

    Exit 1 while one is unresolved. A rejected file that is replaced by another version is looked at again.
    """
    from aurify.workflows.decisions import file_problems, reject_file

    lake = given.lake()
    lake.spec(table)
    if verb is not None and path is None:
        raise click.UsageError("which file? aurify files TABLE reject PATH --reason TEXT")
    if verb is not None and path is not None:
        reject_file(lake, table, path, reason)
    problems, rejected, taken_in = file_problems(lake, table)
    document = {"table": table, "taken_in": taken_in, "left_out": [vars(p) for p in problems], "rejected": rejected}

    def show(console: Console) -> None:
        console.print(f"{table}: {taken_in} files taken in, {len(problems)} left out, {len(rejected)} rejected")
        _show_files(console, problems, rejected)

    return Answer(document, show, 1 if problems and verb is None else 0)


def _show_files(console: Console, problems: list[FileProblem], rejected: list[dict[str, object]]) -> None:
    from aurify.cli.balance import file_lines, rows_table

    if problems:
        console.print(file_lines("left out:", problems), soft_wrap=True)
    if rejected:
        console.print(rows_table(("path", "reason", "by", "at"), rejected, "rejected"))

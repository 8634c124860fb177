"""`aurify expectations`: what a suite can expect, and how it runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.quality.catalog import Listed


@project_command("expectations", "aurify expectations", "aurify expectations expect_column_values_to_be_between")
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="As the document that the project keeps.")
@click.pass_obj
def expectations(given: Invocation, name: str | None, markdown: bool) -> Answer:
    """List what a suite can expect.

    Every expectation with its arguments and how it runs; no project is needed.

    Compiled ones are part of the pass that writes the batch, or share one aggregation with others.
    """
    from aurify.quality.catalog import as_markdown, listed

    found = {row.name: row for row in listed()}
    if name is not None and name not in found:
        raise ConfigurationError.of(name, "no such expectation", "one of the list", did_you_mean(name, found))
    rows = [found[name]] if name is not None else list(found.values())
    document = {"expectations": [asdict(row) for row in rows]}
    if markdown:
        text = as_markdown()
        return Answer(document, lambda console: click.echo(text, nl=False))
    return Answer(document, lambda console: _show(console, rows))


def _show(console: Console, rows: list[Listed]) -> None:
    from aurify.cli.balance import rows_table

    names = ("name", "judges", "sentence", "arguments", "runs", "note")
    console.print(rows_table(names, [{**asdict(row), "arguments": ", ".join(row.arguments)} for row in rows]))

"""`aurify export-suite` and `aurify data-docs`: what others read of suites and of their results."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.errors import ConfigurationError


@project_command(
    "export-suite", "aurify export-suite silver.pos_lines", "aurify export-suite silver.pos_lines -o s.json"
)
@click.argument("table")
@click.option("--output", "-o", metavar="FILE", help="Write it there; a file that is there already is left alone.")
@click.pass_obj
def export_suite(given: Invocation, table: str, output: str | None) -> Answer:
    """Give a suite as Great Expectations reads it.

    It is JSON, with our keys below meta.aurify.

    Such a file, named like the table with .json, takes the place of the table's YAML suite.
    """
    from aurify.workflows.suites import exported

    document = exported(given.lake(), table)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        return Answer(document, lambda console: click.echo(text, nl=False))
    path = Path(output)
    if path.exists():
        raise ConfigurationError.of(output, "a file that is there already", "a new file", "name another, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return Answer(
        {"table": table, "file": output}, lambda console: console.print(f"{table}: suite written to {output}")
    )


@project_command("data-docs", "aurify data-docs", "aurify data-docs silver.pos_lines --output site --batches 30")
@click.argument("table", required=False)
@click.option("--output", "-o", metavar="FOLDER", default="data-docs", show_default=True, help="Where the pages go.")
@click.option("--batches", type=click.IntRange(min=1), default=10, show_default=True, help="The newest of each table.")
@click.pass_obj
def data_docs(given: Invocation, table: str | None, output: str, batches: int) -> Answer:
    """Render Data Docs of what the ledger holds.

    The pages are Great Expectations' own, and fetch nothing from outside.
    """
    from aurify.workflows.data_docs import data_docs as render

    lake = given.lake()
    if table is not None:
        lake.spec(table)
    pages = render(lake, output, [table] if table is not None else list(lake.specs), batches)
    told = f"{len(pages)} pages: {Path(output) / 'index.html'}"
    return Answer({"folder": output, "pages": [vars(page) for page in pages]}, lambda console: console.print(told))

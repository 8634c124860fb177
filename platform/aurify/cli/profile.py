"""`aurify profile`: a suite proposed from data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from aurify.workflows.profile import Profile


@project_command(
    "profile",
    "aurify profile silver.pos_lines",
    "aurify profile silver.pos_lines --output proposed.yml",
    "aurify profile --file downloads/day_01.csv",
)
@click.argument("table", required=False)
@click.option("--file", "file", metavar="PATH", help="A .csv, .csv.gz or .parquet file, or a Delta folder, to look at.")
@click.option("--output", metavar="FILE", help="Write the suite into a new file.")
@click.option("--merge", "merged", is_flag=True, help="Add to the table's suite what it does not have.")
@click.pass_obj
def profile(given: Invocation, table: str | None, file: str | None, output: str | None, merged: bool) -> Answer:
    """Propose a suite from data.

    All rows are counted, in a few Spark jobs for all columns; each rule has its evidence beside it. Values of columns
    marked PII are not shown. Nothing is written without --output or --merge, and nothing that is there is changed.
    """
    if table is None and (file is None or merged):
        raise click.UsageError("name a table" if file is None else "--merge adds to the suite of a table: name it")
    if output is not None and merged:
        raise click.UsageError("--output and --merge: one of them")
    from aurify.workflows import profile as workflow

    lake = given.lake()
    if output is not None:
        workflow.refuse_existing(Path(output))
    made = workflow.profile_file(lake, file, table) if file else workflow.profile(lake, str(table))
    if merged:
        path, added = workflow.merge(lake, made)
        return _written(made, str(path), f"{path}: {added} of {made.rules} proposed rules were new")
    if output is not None:
        workflow.write_beside(lake, made, Path(output))
        return _written(made, output, f"wrote {output}: {made.rules} rules from {made.facts.rows:,} rows")
    return Answer({**made.as_dict(), "written": None}, lambda console: click.echo(made.text, nl=False))


def _written(made: Profile, path: str, said: str) -> Answer:
    return Answer({**made.as_dict(), "written": path}, lambda console: console.print(said, soft_wrap=True))

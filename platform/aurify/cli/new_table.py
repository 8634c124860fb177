"""`aurify new-table`: file, suite and test of a new table."""

from __future__ import annotations

from pathlib import Path

import click

from aurify.cli.command import Answer, Invocation, project_command


@project_command(
    "new-table",
    "aurify new-table bronze.pos_lines --from downloads/day_01.csv",
    "aurify new-table silver.pos_lines --reads bronze.pos_lines",
)
@click.argument("name")
@click.option("--from", "source", metavar="FILE", help="A .csv, .csv.gz or .parquet file whose columns the table has.")
@click.option("--reads", metavar="TABLE", help="The table that it is made of.")
@click.pass_obj
def new_table(given: Invocation, name: str, source: str | None, reads: str | None) -> Answer:
    """Write spec, suite and a test for a new table.

    The test passes at once, and nothing is overwritten. A CSV file's columns are all text: what they mean is said by
    the table that reads them. Rules that come from the file warn, and stop no row, until you say so.
    """
    from aurify.workflows.new_table import new_table as write_table

    definition = given.lake().definition
    made = write_table(definition, name, source=Path(source) if source else None, reads=reads)
    lines = [
        *(f"wrote {file}" for file in (made.file, made.suite, made.test)),
        *([f"files go into {made.files_go_into}"] if made.files_go_into else []),
        f"next: PYTHONPATH=platform python -m pytest {made.test}",
    ]
    return Answer(vars(made), lambda console: console.print("\n".join(lines), soft_wrap=True))

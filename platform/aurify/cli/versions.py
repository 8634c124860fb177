"""`aurify restore` and `aurify accept-change`: back to a batch, or a hand-made change kept."""

from __future__ import annotations

import click

from aurify.cli.command import Answer, Invocation, project_command


@project_command("restore", "aurify restore silver.pos_lines --to 6")
@click.argument("table")
@click.option("--to", "batch", type=click.IntRange(min=1), required=True, metavar="BATCH", help="The batch to go to.")
@click.pass_obj
def restore(given: Invocation, table: str, batch: int) -> Answer:
    """Bring a table back to an earlier batch.

    `aurify runs TABLE` lists them. The next refresh takes later input in again, and tables that read this one
    are rebuilt.
    """
    from aurify.workflows.restore import restore as restore_table

    version = restore_table(given.lake(), table, batch)
    text = f"{table} is as it was after batch {batch} (version {version}); aurify refresh {table}+ goes on from there"
    return Answer(
        {"table": table, "batch": batch, "version": version}, lambda console: console.print(text, soft_wrap=True)
    )


@project_command("accept-change", "aurify accept-change silver.pos_lines 14")
@click.argument("table")
@click.argument("version", type=click.IntRange(min=0))
@click.pass_obj
def accept_change(given: Invocation, table: str, version: int) -> Answer:
    """Keep what others did to a table.

    VERSION is its newest commit that Aurify did not make. To undo it instead: aurify restore TABLE --to BATCH.
    """
    from aurify.workflows.restore import accept_change as accept

    said = accept(given.lake(), table, version)
    text = f"{table} keeps version {version}, by version {said}; aurify refresh {table}+ goes on from there"
    return Answer(
        {"table": table, "accepted": version, "version": said}, lambda console: console.print(text, soft_wrap=True)
    )

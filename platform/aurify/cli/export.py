"""`aurify models export`: a version as a file that others score by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.export import Exported


@project_command("export", "aurify models export card_fraud --onnx card_fraud.onnx")
@click.argument("model")
@click.option("--version", default="champion", show_default=True, help="The version or alias.")
@click.option("--onnx", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.pass_obj
def export(given: Invocation, model: str, version: str, onnx: Path) -> Answer:
    """Write a version as ONNX.

    Its scores are compared with the version's own before the file is written. Exits 2 where a stage or the estimator
    has no form in ONNX.
    """
    from aurify.workflows.export import export_onnx

    made = export_onnx(given.lake(), model, version, file=str(onnx))
    return Answer(made.as_dict(), lambda console: _show(console, made))


def _show(console: Console, made: Exported) -> None:
    console.print(f"{made.file}: {made.model} version {made.version}, {made.bytes:,} bytes")
    console.print(f"  reads {', '.join(f'{name} {kind}' for name, kind in made.inputs.items())}")
    console.print(f"  its scores differ by {made.difference:.1e} at most, on {made.rows:,} rows that were drawn")

"""`aurify doctor`: whether the environment could run work now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from aurify.deploy.preflight.finding import Finding

STYLES = {"good": "green", "warning": "yellow", "bad": "red"}


@project_command("doctor", "aurify doctor", "aurify doctor --env yarn", "aurify doctor --env yarn -- train card_fraud")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGS]...]")
@click.option("--mode", type=click.Choice(["client", "cluster"]), help="Where the driver would run.")
@click.pass_obj
def doctor(given: Invocation, words: tuple[str, ...], mode: str | None) -> Answer:
    """Tell whether the environment could run work now.

    Looks at Java, Python, Spark and jars, the cluster and its queue, memory, storage, clocks and MLflow.
    Exits 2 where a setting is wrong, 3 where the environment is; submit looks at the same before it ships anything.
    """
    from aurify.workflows.doctor import examine, proposal

    lake = given.lake()
    found = examine(lake, words, mode) + (proposal(lake, words, mode) if words else [])
    wrong = [finding for finding in found if finding.grade == "bad"]
    code = 0 if not wrong else 2 if any(finding.is_setting for finding in wrong) else 3
    document = {"environment": given.env, "exit_code": code, "findings": [finding.as_dict() for finding in found]}
    return Answer(document, lambda console: _show(console, found), code)


def _show(console: Console, found: Sequence[Finding]) -> None:
    from rich.text import Text

    for told in found:
        console.print(Text(f"{told.grade:<8}", STYLES[told.grade]) + Text(f"{told.what}: {told.found}"))
        for line in (told.expected and f"expected {told.expected}", told.hint and f"hint: {told.hint}"):
            if line:
                console.print(Text(f"          {line}"))

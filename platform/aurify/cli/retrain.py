"""`aurify retrain`: train anew what alerts ask for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.retrain import RetrainReport

log = logging.getLogger("aurify")


@project_command("retrain", "aurify retrain --if-needed", "aurify retrain card_fraud")
@click.argument("models", nargs=-1)
@click.option("--if-needed", is_flag=True, help="Only where an alert asks for it, or there is no champion.")
@click.pass_obj
def retrain(given: Invocation, models: tuple[str, ...], if_needed: bool) -> Answer:
    """Train models anew, each through its gate.

    All that are named, or all there are. With --if-needed, a line for cron, those whose file declares which alerts ask
    for it, and whose champion has such an alert that nobody has acknowledged. Exits 1 where a gate refuses a version.
    """
    from aurify.workflows.retrain import retrain as make

    report = make(given.lake(), models, if_needed=if_needed, listen=log.info)
    errors = tuple(told.error for told in report.models if told.error is not None)
    return Answer(report.as_dict(), lambda console: _show(console, report), report.exit_code, errors)


def _show(console: Console, report: RetrainReport) -> None:
    for told in report.models:
        if told.trained is not None:
            became = "is champion" if told.trained.passed else "is refused by its gate"
            found = "" if told.trained.is_new else ", which was made of the same already,"
            console.print(f"{told.model}: version {told.trained.version}{found} {became}")
            for line in told.because:
                console.print(f"  because {line}")
        elif told.error is None:
            console.print(f"{told.model}: nothing asks for a training")
    if not report.models:
        console.print("no model declares which alerts ask for a training: monitoring=Monitoring(retrain=...)")

"""`aurify train`: a model from its training set to the registry, through its gate."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.train import TrainReport

log = logging.getLogger("aurify")
MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


@project_command("train", "aurify train card_fraud", "aurify train card_fraud --until 2018-08-15")
@click.argument("model")
@click.option("--until", type=MOMENTS, help="The end of the test, if not that of the newest known labels.")
@click.option("--again", is_flag=True, help="Also where a version was made of the same already.")
@click.pass_obj
def train(given: Invocation, model: str, until: datetime | None, again: bool) -> Answer:
    """Train a model and put it through its gate.

    It is judged on its test rows, registered, and made champion if it passes. Exits 1 where the rows can't be learned
    from, or the gate refuses it; a refused version is registered all the same.
    """
    from aurify.workflows.train import train as make

    lake = given.lake()
    lake.model(model)
    report = make(lake, model, until=until, again=again, listen=lambda said: log.info("%s: %s", model, said))
    return Answer(report.as_dict(), lambda console: _show(console, report), report.exit_code)


def _show(console: Console, report: TrainReport) -> None:
    from aurify.cli.models import metrics_table

    if not report.is_new:
        console.print(f"{report.model}: version {report.version} was made of the same data, code and environment")
    for part, span in report.dates.items():
        console.print(f"  {part}: {span[0]} to {span[1]}")
    console.print(metrics_table({"test": report.metrics}))
    for check in report.checks:
        console.print(f"  {'refused' if check in report.reasons else 'met'}: {check}")
    became = "is champion" if report.passed else "is refused by its gate"
    if report.is_new:
        console.print(f"{report.model} version {report.version} {became}")
    console.print(f"aurify models show {report.model} {report.version}")

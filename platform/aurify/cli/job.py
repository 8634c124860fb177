"""How a job under plain spark-submit ends: its report as JSON on stdout or its error on stderr, and the exit code."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import click

from aurify.errors import AurifyError


class Report(Protocol):
    """What a job did."""

    @property
    def exit_code(self) -> int:
        """What the job ends with."""

    def as_dict(self) -> Mapping[str, Any]:
        """For JSON."""


def add_project(parser: ArgumentParser) -> None:
    """Add what every job has: the environment and the project."""
    default = os.environ.get("AURIFY_ENV", "local")
    parser.add_argument("--env", default=default, help=f"the environment, {default} if not given")
    parser.add_argument("--project", help="the project root, if not AURIFY_PROJECT or the nearest folder upward")


def exit_code_of(work: Callable[[], Report]) -> int:
    """Do the work of a job, tell its report or its error, and give what the job ends with."""
    try:
        report = work()
    except AurifyError as error:
        click.echo(error, err=True)
        return error.exit_code
    click.echo(json.dumps(report.as_dict()))
    return report.exit_code

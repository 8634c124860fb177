"""What every command has: where the project is, JSON or text, exit codes, and errors that speak."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from aurify.errors import AurifyError

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.lake import Lake

INTERRUPTED = 130


@dataclass(frozen=True)
class Invocation:
    """How a command was called."""

    env: str
    project: str | None
    as_json: bool
    debug: bool

    def lake(self) -> Lake:
        """The lake, once definition and suites are read; ConfigurationError names all that is wrong with them."""
        from aurify.workflows.lake import connect

        lake = connect(self.env, self.project)
        lake.suites  # noqa: B018 - read now, so that their mistakes are told before anything starts
        return lake


@dataclass(frozen=True)
class Answer:
    """What a command found: a document for `--json`, the same for people, and errors for stderr."""

    document: Mapping[str, Any]
    show: Callable[[Console], None]
    exit_code: int = 0
    errors: tuple[AurifyError, ...] = ()


OPTIONS = [
    click.Option(
        ["--env"], envvar="AURIFY_ENV", default="local", show_default=True, show_envvar=True, help="The environment."
    ),
    click.Option(
        ["--project"], metavar="FOLDER", help="The project root, if not AURIFY_PROJECT or the nearest folder upward."
    ),
    click.Option(["--json", "as_json"], is_flag=True, help="One JSON document on stdout, logs on stderr."),
    click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
]


class ProjectCommand(click.Command):
    """A command of a project. Its callback gives an Answer, which is shown here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += OPTIONS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; with `--json` a usage error is a document too."""
        as_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if not as_json:
                raise
            _show_json({"error": error.format_message(), "kind": "UsageError", "exit_code": 2, "problems": []})
            ctx.exit(2)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, show its answer or its error, and end with its exit code."""
        env, project, as_json, debug = (ctx.params.pop(o.name) for o in OPTIONS if o.name)
        ctx.obj = Invocation(env, project, as_json, debug)
        logging.basicConfig(
            stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True
        )
        answer = self._answer(ctx)
        if as_json:
            _show_json(answer.document)
        else:
            from aurify.cli.terminal import console

            answer.show(console())
            for told in answer.errors:
                click.echo(told.render(), err=True)
        ctx.exit(answer.exit_code)

    def _answer(self, ctx: click.Context) -> Answer:
        """What the callback gave, or what became of it."""
        from aurify.cli.terminal import reserved_stdout

        given: Invocation = ctx.obj
        try:
            with reserved_stdout(given.as_json):
                answer: Answer = super().invoke(ctx)
            return answer
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise
        except AurifyError as error:
            _show_traceback(given)
            return failed(error)
        except KeyboardInterrupt:
            told = "interrupted; every table is consistent, and the next refresh goes on from there"
            return _failed("Interrupted", told, INTERRUPTED, told)
        except Exception as error:  # noqa: BLE001 - no error reaches a person as a bare traceback
            _show_traceback(given)
            name, hint = type(error).__name__, "" if given.debug else "\nHint: --debug shows where it came from"
            return _failed(name, str(error), 3, f"{name}: {error}{hint}")


def failed(error: AurifyError) -> Answer:
    """An error as the answer."""
    document = {
        "error": error.title,
        "kind": type(error).__name__,
        "hint": error.hint,
        "exit_code": error.exit_code,
        "problems": [problem.as_dict() for problem in error.problems],
    }
    return Answer(document, lambda console: None, error.exit_code, (error,))


def _failed(kind: str, error: str, exit_code: int, text: str) -> Answer:
    document = {"error": error, "kind": kind, "hint": "", "exit_code": exit_code, "problems": []}
    return Answer(document, lambda console: click.echo(text, err=True), exit_code)


def _show_traceback(given: Invocation) -> None:
    if given.debug:
        click.echo(traceback.format_exc(), err=True)


def _show_json(document: Mapping[str, Any]) -> None:
    from aurify.cli.terminal import as_json

    click.echo(as_json(document))


def project_command(name: str, *examples: str) -> Callable[[Callable[..., Answer]], click.Command]:
    """A command with the options of every command, and examples below its help."""
    epilog = "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)
    return click.command(name, cls=ProjectCommand, epilog=epilog)

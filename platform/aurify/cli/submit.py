"""`aurify submit`: a command, or a program of jobs/, on the environment's cluster."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, ProjectCommand, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.submit import Submitted

log = logging.getLogger("aurify")


@project_command(
    "submit",
    "aurify submit --env yarn -- refresh 'gold.*'",
    "aurify submit --env yarn --print -- refresh",
    "aurify submit --env yarn jobs/score_batch.py card_fraud",
    "aurify submit --env k8s --schedule '0 3 * * *' -- refresh | kubectl apply -f -",
)
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND|jobs/FILE.py [ARGS]...")
@click.option("--mode", type=click.Choice(["client", "cluster"]), help="Where the driver runs, if not as submit.mode.")
@click.option("--name", help="What the application is called.")
@click.option("--conf", multiple=True, metavar="KEY=VALUE", help="A setting of Spark for it; repeatable.")
@click.option("--size", is_flag=True, help="Take executors for the input that waits, and say why so many.")
@click.option("--print", "only_print", is_flag=True, help="Print the line of spark-submit, and do no more.")
@click.option("--manifest", is_flag=True, help="Push the image, and print a SparkApplication for the Spark operator.")
@click.option(
    "--schedule", metavar="CRON", help="Push the image, and print a CronJob: '0 3 * * *', no operator needed."
)
@click.option("--detach", is_flag=True, help="Do not wait for the end.")
@click.pass_obj
def submit(given: Invocation, words: tuple[str, ...], mode: str | None, name: str | None, conf: tuple[str, ...],
           size: bool, only_print: bool, manifest: bool, schedule: str | None, detach: bool) -> Answer:  # fmt: skip
    """Run a command or job on the environment's cluster.

    Ends with the program's own exit code: 0 done, 1 the data or model failed its gate, 2 the configuration is wrong,
    3 the environment. What is shipped lies under the hash of its content, so that it is sent once.
    """
    from aurify.workflows.submit import Asked
    from aurify.workflows.submit import submit as run

    _refuse_unknown(words)
    settings = dict(_pair(text) for text in conf)
    asked = Asked(words, mode, name, settings, size, only_print, detach, manifest, schedule)
    done = run(given.lake(), asked, log.info)
    is_text = bool(only_print or manifest or schedule)
    return Answer(done.as_dict(), lambda console: _show(console, done, is_text), done.exit_code)


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.startswith("spark."):
        raise click.BadParameter(f"'{text}' is not spark.KEY=VALUE", param_hint="--conf")
    return key, value


def _refuse_unknown(words: tuple[str, ...]) -> None:
    """Read the command as it will be read there, so that a slip is told now."""
    if words[0].endswith(".py"):
        return
    from aurify.cli.main import main

    context = click.Context(main, info_name="aurify")
    name, command, rest = main.resolve_command(context, list(words))
    while isinstance(command, click.Group) and rest:
        name, command, rest = command.resolve_command(context, rest)
    if isinstance(command, ProjectCommand):
        command.make_context(name, rest, parent=context)


def _show(console: Console, done: Submitted, is_text: bool) -> None:
    if is_text:
        click.echo(done.command.rstrip())
        return
    if done.log:
        click.echo(done.log.rstrip())
    if done.application:
        spent = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in done.seconds.items())
        console.print(f"{done.application}: exit code {done.exit_code} ({spent})", highlight=False)
    if done.said:
        console.print(done.said, highlight=False)

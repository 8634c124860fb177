"""`aurify generate`: the project's own generator of data."""

from __future__ import annotations

import click

from aurify.cli.command import Answer, Invocation, project_command


@project_command("generate", "aurify generate --days 3 --rows 30000 --seed 7", "aurify generate --set late_share=0.02")
@click.option("--days", type=click.IntRange(min=1), help="How many days.")
@click.option("--rows", type=click.IntRange(min=0), help="How many rows in all.")
@click.option("--seed", type=int, help="The same seed gives the same files.")
@click.option("--out", metavar="FOLDER", help="Where the files go; the source root of the environment if not given.")
@click.option("--set", "more", multiple=True, metavar="KEY=VALUE", help="Any other argument of the generator.")
@click.pass_obj
def generate(
    given: Invocation, days: int | None, rows: int | None, seed: int | None, out: str | None, more: tuple[str, ...]
) -> Answer:
    """Make data with the project's own generator.

    It is the function that conf/base/project.yml names under `generator`; its arguments are its own.
    """
    from aurify.workflows.generate import generate as run_generator

    options = {"days": days, "rows": rows, "seed": seed, "out": out}
    arguments: dict[str, object] = {name: value for name, value in options.items() if value is not None}
    for pair in more:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {pair}: expected KEY=VALUE")
        if name in arguments:
            raise click.UsageError(f"{name} is given twice")
        arguments[name] = value
    made = run_generator(given.lake(), arguments)
    lines = [f"{name}: {value}" for name, value in made.items()] or ["done"]
    return Answer(made, lambda console: console.print("\n".join(lines), soft_wrap=True))

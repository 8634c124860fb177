"""`aurify score`: the new rows of a model, each once."""

from __future__ import annotations

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.cli.refresh import show_run
from aurify.cli.share import Share


@project_command(
    "score",
    "aurify score card_fraud",
    "aurify score card_fraud --shadow challenger",
    "aurify score card_fraud --challenger 4 --split 5%",
    "aurify score card_fraud --version 3",
)
@click.argument("model")
@click.option("--version", help="Score all that this version or alias has not scored; it decides nothing.")
@click.option("--backfill", is_flag=True, help="Score all that the champion has not scored; it decides nothing.")
@click.option("--shadow", help="A version or alias that scores the same rows beside the champion, and decides nothing.")
@click.option("--challenger", default="challenger", show_default=True, help="The version that a split compares.")
@click.option("--split", type=Share(), help="The share of the entities that the challenger decides on, like 5%.")
@click.pass_obj
def score(
    given: Invocation,
    model: str,
    version: str | None,
    backfill: bool,
    shadow: str | None,
    challenger: str,
    split: float | None,
) -> Answer:
    """Score what is new, by the champion.

    Rows that no champion has scored yet are scored and decided on; rows that can't be are quarantined with their
    reasons. After Ctrl-C or a crash, the next run goes on where this one was.
    """
    from aurify.cli.progress import shown_steps
    from aurify.workflows.score import score as run_score

    lake = given.lake()
    rival = None if split is None else challenger
    with shown_steps() as listen:
        report = run_score(
            lake,
            model,
            version=version,
            backfill=backfill,
            shadow=shadow,
            challenger=rival,
            share=split or 0.0,
            listen=listen,
        )
    return Answer(report.as_dict(), lambda console: show_run(console, report), report.exit_code, tuple(report.errors))

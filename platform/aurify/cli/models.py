"""`aurify models`: versions of trained models, their lineage, and which of them scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.cli.export import export
from aurify.cli.share import Share

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from aurify.models.registry import Version
    from aurify.scoring.trial import Trial
    from aurify.workflows.models import Comparison, VersionTold

A_MONTH = 720
USUAL = (
    "rows", "positives", "roc_auc", "average_precision", "recall_at_precision", "ks", "brier", "lift_of_top_tenth",
)  # fmt: skip


@click.group("models")
def models() -> None:
    """See versions of models, compare and move them."""


models.add_command(export)


def _command(name: str, *examples: str) -> Callable[[Callable[..., Answer]], click.Command]:
    def attach(function: Callable[..., Answer]) -> click.Command:
        command = project_command(name, *examples)(function)
        models.add_command(command)
        return command

    return attach


@_command("list", "aurify models list", "aurify models list card_fraud --json")
@click.argument("model", required=False)
@click.pass_obj
def list_(given: Invocation, model: str | None) -> Answer:
    """List the versions of a model, or of all, newest first."""
    from aurify.workflows.models import listed

    versions = listed(given.lake(), model)
    return Answer({"versions": [_told(v) for v in versions]}, lambda console: _show_list(console, versions))


def _told(version: Version) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": version.number,
        "aliases": list(version.aliases),
        "created": version.created.isoformat(timespec="seconds"),
        "decision": version.decision,
        "training_set": version.training_set,
        "run": version.run_id,
    }


def _show_list(console: Console, versions: Sequence[Version]) -> None:
    from aurify.cli.balance import rows_table

    if not versions:
        console.print("no version yet: aurify train MODEL")
        return
    names = ("model", "version", "aliases", "created", "decision")
    console.print(rows_table(names, [{**_told(v), "aliases": ", ".join(v.aliases)} for v in versions]))


@_command("show", "aurify models show card_fraud", "aurify models show card_fraud 3")
@click.argument("model")
@click.argument("version", default="champion")
@click.pass_obj
def show(given: Invocation, model: str, version: str) -> Answer:
    """Show a version: metrics, and the tables, dates, code and environment that it was made of."""
    from aurify.workflows.models import shown

    told = shown(given.lake(), model, version)
    return Answer(told.as_dict(), lambda console: _show_version(console, told))


def _show_version(console: Console, told: VersionTold) -> None:
    record = told.record
    console.print(f"{told.model} version {told.version} {' '.join(told.aliases)}".rstrip())
    console.print(f"  made {told.created}, the gate: {told.decision}, fingerprint {told.fingerprint[:16]}")
    console.print(f"  learned from {record['training_set']}")
    for table, version in record["versions"].items():
        console.print(f"    {table} version {version}")
    for part, span in record["dates"].items():
        console.print(f"  {part}: {span[0]} to {span[1]}")
    console.print(f"  features: {', '.join(record['features'])}")
    console.print(f"  estimator: {record['estimator']}")
    console.print(f"  environment: {', '.join(f'{name} {value}' for name, value in record['environment'].items())}")
    console.print(metrics_table({"test": told.metrics}))
    if told.distillation:
        _show_distillation(console, told.distillation)


def _show_distillation(console: Console, told: Mapping[str, Any]) -> None:
    from aurify.cli.balance import rows_table

    rows = [
        {"rows": part, "metric": name, **{of: _number(name, value) for of, value in both.items()}}
        for part, metrics in told["metrics"].items()
        for name, both in metrics.items()
    ]
    for name in ("trees", "leaves", "bytes"):
        rows.append(
            {"rows": "", "metric": name, "difference": "", **{of: told[of][name] for of in ("teacher", "student")}}
        )
    names = ("rows", "metric", "teacher", "student", "difference")
    console.print(rows_table(names, rows, "distilled from a teacher"))


@_command("compare", "aurify models compare card_fraud champion 3")
@click.argument("model")
@click.argument("one")
@click.argument("other")
@click.pass_obj
def compare(given: Invocation, model: str, one: str, other: str) -> Answer:
    """Compare two versions on the test rows of the first."""
    from aurify.workflows.models import compared

    told = compared(given.lake(), model, one, other)
    return Answer(told.as_dict(), lambda console: _show_comparison(console, told))


def _show_comparison(console: Console, told: Comparison) -> None:
    names = [f"version {number}" for number in told.versions]
    console.print(metrics_table(dict(zip(names, told.metrics, strict=True))))
    gap = told.difference
    console.print(f"{gap.metric}: {gap.estimate:+.4f}, between {gap.low:+.4f} and {gap.high:+.4f} at {gap.level:.0%}")


@_command("trial", "aurify models trial card_fraud", "aurify models trial card_fraud --effect 2%")
@click.argument("model")
@click.option("--effect", type=Share(), default="5%", show_default=True, help="A difference of rates worth finding.")
@click.option("--level", type=Share(), default="95%", show_default=True, help="How sure the intervals are.")
@click.option("--power", type=Share(), default="80%", show_default=True, help="The wanted chance to find the effect.")
@click.pass_obj
def trial(given: Invocation, model: str, effect: float, level: float, power: float) -> Answer:
    """Compare champion and challenger of the newest split, as far as labels have come."""
    from aurify.workflows.trial import trial as tried

    told = tried(given.lake(), model, effect=effect, level=level, power=power)
    return Answer({"rates": [one.as_dict() for one in told]}, lambda console: _show_trial(console, told))


def _show_trial(console: Console, told: Sequence[Trial]) -> None:
    from aurify.cli.balance import rows_table

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4f}"

    rows = [
        {
            "rate": one.rate,
            "champion": number(one.champion),
            "challenger": number(one.challenger),
            "difference": number(one.difference),
            "between": f"{number(one.low)} and {number(one.high)}",
            "p": number(one.p_value),
            "entities": f"{one.entities[0]:,} and {one.entities[1]:,}",
            "power": number(one.power),
            "needed": "" if one.entities_needed is None else f"{one.entities_needed:,} each",
        }
        for one in told
    ]
    console.print(rows_table(tuple(rows[0]), rows))
    sure = [one.rate for one in told if one.is_significant]
    console.print(f"differs: {', '.join(sure)}" if sure else f"no rate differs at {told[0].level:.0%}")


@_command("promote", "aurify models promote card_fraud 3 --reason 'agreed with the fraud team'")
@click.argument("model")
@click.argument("version")
@click.option("--reason", default="", help="Why; needed where the gate refused the version.")
@click.pass_obj
def promote(given: Invocation, model: str, version: str, reason: str) -> Answer:
    """Make a version champion by a person's word."""
    from aurify.workflows.models import promote as move

    made = move(given.lake(), model, version, reason)
    return Answer(_told(made), lambda console: console.print(f"{model} version {made.number} is champion"))


@_command("rollback", "aurify models rollback card_fraud --reason 'too many alerts'")
@click.argument("model")
@click.option("--reason", default="", help="Why.")
@click.pass_obj
def rollback(given: Invocation, model: str, reason: str) -> Answer:
    """Make the champion before this one champion again."""
    from aurify.workflows.models import rollback as move

    made = move(given.lake(), model, reason)
    return Answer(_told(made), lambda console: console.print(f"{model} version {made.number} is champion again"))


@_command("card", "aurify models card card_fraud", "aurify models card card_fraud 3 --out card.html")
@click.argument("model")
@click.argument("version", default="champion")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file, if not MODEL_VERSION.html.")
@click.pass_obj
def card(given: Invocation, model: str, version: str, out: Path | None) -> Answer:
    """Write the card of a version as a page: what it is for, was made of, can do and can't."""
    from aurify.workflows.models import card as page_of

    page = page_of(given.lake(), model, version)
    path = out or Path(f"{model}_{version}.html")
    path.write_text(page, encoding="utf-8")
    return Answer({"card": str(path)}, lambda console: console.print(f"{path}: {len(page):,} characters"))


@_command("prune", "aurify models prune --retain-hours 720")
@click.option(
    "--retain-hours", type=click.IntRange(min=0), default=A_MONTH, show_default=True, help="How old they are."
)
@click.pass_obj
def prune(given: Invocation, retain_hours: int) -> Answer:
    """Remove training sets that no registered version names."""
    from aurify.workflows.models import prune as remove

    gone = remove(given.lake(), retain_hours)
    return Answer({"removed": gone}, lambda console: console.print(f"{len(gone)} training sets removed"))


def metrics_table(told: Mapping[str, Mapping[str, float | None]]) -> Table:
    """The usual metrics, and those of the k best, a column for each that is told."""
    from rich.table import Table

    shown = Table("metric", *told)
    known = [name for found in told.values() for name in found if name in USUAL or name.startswith("precision_at_")]
    for name in dict.fromkeys((*(n for n in USUAL if n in known), *sorted(known))):
        shown.add_row(name, *(_number(name, found.get(name)) for found in told.values()))
    return shown


def _number(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if name in ("rows", "positives") else f"{value:.4f}"

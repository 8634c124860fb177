"""`aurify`: the commands, each imported when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from aurify import __version__
from aurify.errors import did_you_mean

COMMANDS = {
    "accept-change": "aurify.cli.versions:accept_change",
    "alerts": "aurify.cli.alerts:alerts",
    "apps": "aurify.cli.apps:apps",
    "batch": "aurify.cli.decide:batch",
    "check": "aurify.cli.check:check",
    "data-docs": "aurify.cli.suites:data_docs",
    "doctor": "aurify.cli.doctor:doctor",
    "expectations": "aurify.cli.expectations:expectations",
    "export-suite": "aurify.cli.suites:export_suite",
    "files": "aurify.cli.decide:files",
    "generate": "aurify.cli.generate:generate",
    "leakage": "aurify.cli.leakage:leakage",
    "maintain": "aurify.cli.maintain:maintain",
    "metrics": "aurify.cli.metrics:metrics",
    "models": "aurify.cli.models:models",
    "monitor": "aurify.cli.monitor:monitor",
    "new-table": "aurify.cli.new_table:new_table",
    "package": "aurify.cli.package:package",
    "plan": "aurify.cli.plan:plan",
    "profile": "aurify.cli.profile:profile",
    "quarantine": "aurify.cli.quarantine:quarantine",
    "refresh": "aurify.cli.refresh:refresh",
    "replay": "aurify.cli.replay:replay",
    "restore": "aurify.cli.versions:restore",
    "retrain": "aurify.cli.retrain:retrain",
    "runs": "aurify.cli.runs:runs",
    "score": "aurify.cli.score:score",
    "submit": "aurify.cli.submit:submit",
    "thresholds": "aurify.cli.thresholds:thresholds",
    "train": "aurify.cli.train:train",
}


class Commands(click.Group):
    """The group; its commands' modules import what they work with when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; a usage error names the closest where there is none."""
        if not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.UsageError(f"no command '{args[0]}': {did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="\b\nStart with:\n  aurify plan\n  aurify refresh\n\n"
    "Exit codes: 0 done, 1 the data failed, 2 the configuration is wrong, 3 the environment, 130 interrupted.",
)
@click.version_option(__version__, message="aurify %(version)s")
def main() -> None:
    """Raw data to gold tables on Spark and Delta, with nothing published that has not been assayed."""

"""`aurify metrics`: latency, throughput and delay of tables and models, for Prometheus."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

log = logging.getLogger("aurify")
LEAST_AGE = 15.0


@project_command(
    "metrics",
    "aurify metrics",
    "aurify metrics --output /var/lib/node_exporter/aurify.prom",
    "aurify metrics --serve 9464",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a file, in one step, instead.")
@click.option("--serve", type=click.IntRange(0, 65535), metavar="PORT", help="Answer at /metrics; 0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to serve at.")
@click.option(
    "--least-age",
    type=click.FloatRange(min=0),
    default=LEAST_AGE,
    show_default=True,
    help="Seconds between two readings; scrapes in between get the last one.",
)
@click.pass_obj
def metrics(given: Invocation, output: Path | None, serve: int | None, host: str, least_age: float) -> Answer:
    """Tell Prometheus of tables, models and alerts.

    In its text format, on stdout, in a file for node_exporter's textfile collector, or served. No Spark is started.
    """
    from aurify.monitoring.exposition import exposition
    from aurify.workflows.metrics import metrics as read

    if output is not None and serve is not None:
        raise click.UsageError("--output and --serve: one of them")
    lake = given.lake()
    if serve is not None:
        return _served(lake, host, serve, least_age)
    samples = read(lake)
    text = exposition(lambda: samples)
    document = {"exit_code": 0, "metrics": [sample.as_dict() for sample in samples]}
    if output is None:
        return Answer(document, lambda console: click.echo(text, nl=False))
    lake.storage.write(str(output), text)
    return Answer(document, lambda console: console.print(f"{output}: {len(samples):,} samples"))


def _served(lake: Lake, host: str, port: int, least_age: float) -> Answer:
    from aurify.monitoring.exposition import serve
    from aurify.workflows.metrics import metrics as read

    serving = serve(partial(read, lake), host, port, least_age)
    log.info("metrics at http://%s:%d/metrics", host, serving.port)
    serving.wait()
    return Answer({"exit_code": 0}, lambda console: None)

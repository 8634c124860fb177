"""`aurify package`: what a cluster needs of the project, in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from aurify.deploy import Package, Step


@project_command(
    "package", "aurify package", "aurify package --env yarn --output dist/package", "aurify package --env k8s"
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write to; .aurify/package of the project if not given.",
)
@click.pass_obj
def package(given: Invocation, output: Path | None) -> Answer:
    """Make what a cluster needs of the project.

    The engine's wheel, code.zip for --py-files, project.zip, a Python with the packages of a lock that runs where it
    is unpacked, the jars, Spark's own jars and its Python side, and a manifest with their hashes; for an environment of
    Kubernetes an image too. What has not changed is kept. The first packed Python of a lock needs a package registry;
    later ones come from the machine's cache.
    """
    from aurify.deploy.k8s.api import is_kubernetes
    from aurify.workflows.package import package as make_package
    from aurify.workflows.package import written_image

    steps: list[Step] = []
    lake = given.lake()
    made = make_package(lake, output, steps.append)
    image = None
    if is_kubernetes(lake.settings.spark.master):
        built, layout = written_image(lake, made, steps.append)
        image = {"digest": built.digest, "size": built.size, "layout": str(layout)}
    document = {
        "image": image,
        "manifest": str(made.manifest),
        "coordinates": list(made.coordinates),
        "steps": [step.as_dict() for step in steps],
        "artifacts": [{**one.as_dict(), "path": str(one.path)} for one in made.artifacts],
    }
    return Answer(document, lambda console: _show(console, made, steps, image))


def _show(console: Console, made: Package, steps: list[Step], image: Mapping[str, object] | None) -> None:
    from aurify.cli.balance import rows_table

    rows = [
        {
            "artifact": step.name,
            "size": f"{step.size / 1e6:,.1f} MB",
            "": "built" if step.built else "kept",
            "seconds": round(step.seconds, 1),
        }
        for step in steps
    ]
    console.print(rows_table(("artifact", "size", "", "seconds"), rows))
    console.print(f"manifest: {made.manifest}", soft_wrap=True)
    if image:
        console.print(f"image: {image['digest']} in {image['layout']}, and a Dockerfile beside it", soft_wrap=True)
    console.print(
        "next: aurify submit ships and submits it; docs/deploy.md says which file goes to which option of spark-submit"
    )

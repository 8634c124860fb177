"""The package of a project: all of it is read first, so that nothing is shipped that can't run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from aurify.deploy import Package, Step, build_package
from aurify.deploy.image.base_image import base_of
from aurify.deploy.image.dockerfile import write_dockerfile
from aurify.deploy.image.image import Image, build_image
from aurify.models import isolation_forest, synapse_lightgbm
from aurify.models.isolation_forest import IsolationForest
from aurify.models.lightgbm_estimator import SYNAPSE, LightGBM
from aurify.session.jars import cached_jars, session_coordinates
from aurify.session.java import find_java
from aurify.workflows.lake import Lake

FOLDER = ".aurify/package"
LAYOUT = "image"


def package(lake: Lake, output: Path | None, told: Callable[[Step], None]) -> Package:
    """Make the package of a lake's project; `output` is below the project if not given."""
    root = lake.definition.root
    return build_package(lake.settings, (output or root / FOLDER).resolve(), _of_models(lake), told)


def image_of(lake: Lake, made: Package, told: Callable[[Step], None]) -> Image:
    """The image of a package, of which what is stale is made."""
    settings = lake.settings.package.image
    return build_image(made, base_of(settings.base, is_plain_http=settings.plain_http), told)


def written_image(lake: Lake, made: Package, told: Callable[[Step], None]) -> tuple[Image, Path]:
    """The image beside the files of its package: a layout that others load, and a Dockerfile over the same layers."""
    image, folder = image_of(lake, made, told), made.manifest.parent
    image.write_layout(folder / LAYOUT)
    write_dockerfile(folder / "Dockerfile", image, LAYOUT)
    return image, folder / LAYOUT


def jars_of(lake: Lake) -> tuple[Path, ...]:
    """The jars of a session of the lake, from this machine's cache."""
    conf, places = lake.settings.spark.conf, lake.settings.places.values()
    return cached_jars(session_coordinates(conf, places, _of_models(lake)), conf, find_java())


def _of_models(lake: Lake) -> list[str]:
    return sorted({name for model in lake.models.values() for name in jars_asked(model)})


def jars_asked(declared: object) -> Iterator[str]:
    """The coordinates of the jars that a model, or an estimator within one, needs in the session."""
    if isinstance(declared, LightGBM) and declared.engine == SYNAPSE:
        yield synapse_lightgbm.COORDINATES
    if isinstance(declared, IsolationForest):
        yield isolation_forest.COORDINATES
    if is_dataclass(declared) and not isinstance(declared, type):
        for field in fields(declared):
            yield from jars_asked(getattr(declared, field.name))
    elif isinstance(declared, Mapping):
        for value in declared.values():
            yield from jars_asked(value)
    elif isinstance(declared, (list, tuple)):
        for value in declared:
            yield from jars_asked(value)

"""`build_package`: all that a cluster needs of a project, in one folder, with a manifest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any

from aurify.config.project import load_project
from aurify.config.settings import Settings
from aurify.deploy.artifact import Artifact, Step, placed, renewed
from aurify.deploy.manifest import MANIFEST, named_before, sweep, write_manifest
from aurify.deploy.project_archives import code_files, project_files
from aurify.deploy.python_archive import PackedPython, packed_python
from aurify.deploy.python_lock import Lock, read_lock
from aurify.deploy.shipped_files import Shipped
from aurify.deploy.spark_files import Spark, spark_archive
from aurify.deploy.wheel import made_from as wheel_made_from
from aurify.deploy.wheel import wheel_name, write_wheel
from aurify.deploy.zip_file import write_zip
from aurify.errors import EnvironmentFailure
from aurify.session.jars import cached_jars, session_coordinates
from aurify.session.java import SUPPORTED, find_java
from aurify.session.machine_cache import held
from aurify.version import __version__

CODE, PROJECT = "code.zip", "project.zip"

log = logging.getLogger(__name__)
Told = Callable[[Step], None]


@dataclass(frozen=True)
class Package:
    """What is shipped of a project, and what it was made with."""

    wheel: Artifact
    code: Artifact
    project: Artifact
    python: Artifact
    jars: tuple[Artifact, ...]
    coordinates: tuple[str, ...]
    spark: Artifact
    pyspark: tuple[Artifact, ...]
    python_version: str
    spark_version: str
    scala_version: str
    manifest: Path

    @property
    def kinds(self) -> dict[str, tuple[Artifact, ...]]:
        """All files of it, by what they are."""
        return {
            "wheel": (self.wheel,),
            "code": (self.code,),
            "project": (self.project,),
            "python": (self.python,),
            "jars": self.jars,
            "spark": (self.spark,),
            "pyspark": self.pyspark,
        }

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """All files of it."""
        return tuple(artifact for files in self.kinds.values() for artifact in files)


def build_package(
    settings: Settings, output: Path, coordinates: Sequence[str] = (), told: Told = lambda _: None
) -> Package:
    """Make what is stale of a package, keep the rest, and take away what is no part of it any more.

    `coordinates` are of jars beside Delta's and those of the settings' `spark.jars.packages`. ConfigurationError: the
    project or its lock is wrong. EnvironmentFailure: no disk, no registry, no Spark.
    """
    lock, spark = read_lock(settings.root, settings.package.lock), Spark.here()
    hint = "free some space, or name another folder with --output"
    try:
        with held(output, "folder of the package", hint):
            making = _Making(settings, output, told)
            all_jars = session_coordinates(settings.spark.conf, settings.places.values(), coordinates)
            return making.package(lock, spark, all_jars)
    except OSError as error:
        raise EnvironmentFailure.of(str(output), str(error), "a folder that can be written to", hint) from error


class _Making:
    """One package on its way: each method is a part of it."""

    def __init__(self, settings: Settings, output: Path, told: Told) -> None:
        self.settings, self.output, self.told = settings, output, told
        self.project = load_project(settings.root)
        self.before = named_before(output)
        self.left_out: list[str] = []

    def package(self, lock: Lock, spark: Spark, coordinates: tuple[str, ...]) -> Package:
        """All parts, the quick ones first, then the manifest, which makes them one."""
        wheel, code, project = self._wheel(), self._code(), self._project()
        jars, shipped_spark, pyspark = self._jars(coordinates), self._spark(spark), self._pyspark(spark)
        packed, python = self._python(lock, spark)
        versions = packed.version, spark.version, spark.scala
        manifest = self.output / MANIFEST
        package = Package(
            wheel, code, project, python, tuple(jars), coordinates, shipped_spark, tuple(pyspark), *versions, manifest
        )
        sweep(self.output, self.before, (artifact.name for artifact in package.artifacts))
        write_manifest(manifest, self._manifest(package, packed))
        return package

    @contextmanager
    def _part(self, name: str) -> Iterator[_Part]:
        """One part: timed, and told when it is there."""
        started, part = time.perf_counter(), _Part(self.output)
        yield part
        size = sum(artifact.size for artifact in part.artifacts)
        self.told(Step(name, size, part.built, time.perf_counter() - started))

    def _wheel(self) -> Artifact:
        name = wheel_name()
        with self._part(name) as part:
            made_from, path = wheel_made_from(), self.output / name
            stale = self.before.get(name) != made_from or not path.is_file()
            return part.made(name, stale and renewed(path, write_wheel), made_from)

    def _code(self) -> Artifact:
        return self._zip(CODE, code_files(self.settings.root))

    def _project(self) -> Artifact:
        return self._zip(PROJECT, project_files(self.settings.root, self.project))

    def _zip(self, name: str, files: Shipped) -> Artifact:
        with self._part(name) as part:
            for file in sorted(files.left_out):
                log.warning("%s goes without %s", name, file)
            self.left_out += [f"{name}: {file}" for file in files.left_out]
            built = renewed(self.output / name, lambda path: write_zip(path, files.entries))
            return part.made(name, built, f"{len(files.entries)} files")

    def _python(self, lock: Lock, spark: Spark) -> tuple[PackedPython, Artifact]:
        name = f"python of {lock.file}"
        with self._part(name) as part:
            packed = packed_python(lock, spark.python)
            made_from = f"{packed.packages} packages of {lock.file}, Python {packed.version}"
            placed_now = placed(packed.archive, self.output / packed.archive.name)
            return packed, part.made(packed.archive.name, packed.built or placed_now, made_from)

    def _jars(self, coordinates: tuple[str, ...]) -> list[Artifact]:
        with self._part("jars") as part:
            found = cached_jars(coordinates, self.settings.spark.conf, find_java())
            names = {jar: f"jars/{jar.name}" for jar in found}
            made_from = ", ".join(coordinates)
            return [part.made(names[jar], placed(jar, self.output / names[jar]), made_from) for jar in found]

    def _spark(self, spark: Spark) -> Artifact:
        name = f"spark-{spark.version}.zip"
        with self._part(name) as part:
            archive, built = spark_archive(spark)
            placed_now = placed(archive, self.output / name)
            return part.made(name, built or placed_now, f"{len(spark.jars)} jars of Spark {spark.version}")

    def _pyspark(self, spark: Spark) -> list[Artifact]:
        with self._part("pyspark") as part:
            copied = {file: renewed(self.output / file.name, partial(copyfile, file)) for file in spark.python}
            return [part.made(file.name, copied[file], f"Spark {spark.version}") for file in spark.python]

    def _manifest(self, package: Package, packed: PackedPython) -> dict[str, Any]:
        """What `manifest.json` says: no times, no places of this machine."""
        return {
            "project": self.project.project,
            "versions": {
                "aurify": __version__,
                "python": package.python_version,
                "spark": package.spark_version,
                "scala": package.scala_version,
                "java": list(SUPPORTED),
            },
            "platform": {"name": packed.platform, "libc": packed.libc, "libraries": list(packed.of_the_machine)},
            "coordinates": list(package.coordinates),
            "artifacts": {kind: [file.as_dict() for file in files] for kind, files in package.kinds.items()},
            "left_out": sorted(self.left_out),
        }


class _Part:
    """The artifacts of one part, and whether any of them is new."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.artifacts: list[Artifact] = []
        self.built = False

    def made(self, name: str, built: bool, made_from: str) -> Artifact:
        """A file that lies in its place."""
        self.built |= built
        self.artifacts.append(Artifact.of(self.output, name, made_from))
        return self.artifacts[-1]

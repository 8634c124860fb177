"""The image of a package: a base, the packed Python, Spark, its jars, and on top what changes most: the project."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aurify.deploy.artifact import Step, placed, whole
from aurify.deploy.image.base_image import USER, Base
from aurify.deploy.image.layer import Layer, digest_of, layer
from aurify.deploy.image.registry import MANIFEST
from aurify.deploy.image.tar_content import ANYONES, RUN, add_file, add_files, add_folder, add_tar, add_zip
from aurify.deploy.package import Package
from aurify.deploy.spark_files import Spark
from aurify.session.machine_cache import file_sha256
from aurify.version import __version__

HOME = "/opt/aurify"
SPARK_HOME = "/opt/spark"
PYTHON, CODE, PROJECT, JARS, WORK = (f"{HOME}/{name}" for name in ("python", "code", "project", "jars", "work"))
INTERPRETER = f"{PYTHON}/bin/python"
HERE = Path(__file__).parent
ENTRYPOINT, LOG_SETTINGS, RUNNER = HERE / "entrypoint.sh", HERE / "log4j2.properties", HERE.parent / "runner.py"
CONFIG = "application/vnd.oci.image.config.v1+json"
CREATED = "1980-01-01T00:00:00Z"
NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True)
class Image:
    """An image by its layers, its configuration and its manifest, whose hash is its name."""

    layers: tuple[Layer, ...]
    config: bytes
    steps: tuple[Step, ...] = field(compare=False)
    base: tuple[Layer, ...] = ()

    @property
    def manifest(self) -> bytes:
        """The document that names all parts by their hashes."""
        config = {"mediaType": CONFIG, "digest": digest_of(self.config), "size": len(self.config)}
        layers = [one.descriptor for one in self.layers]
        return _json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers})

    @property
    def digest(self) -> str:
        """The hash that the image is pulled by."""
        return digest_of(self.manifest)

    @property
    def size(self) -> int:
        """The bytes of its layers, packed."""
        return sum(one.size for one in self.layers)

    def write_layout(self, folder: Path) -> None:
        """Write it as a layout of the Open Container Initiative, as podman, skopeo and containerd read it."""
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True, exist_ok=True)
        wanted = {digest_of(text).partition(":")[2]: text for text in (self.config, self.manifest)}
        for one in self.layers:
            name = one.digest.partition(":")[2]
            wanted[name] = b""
            if not (blobs / name).is_file():
                placed(one.path, blobs / name)
        for name, text in wanted.items():
            if text:
                _write(blobs / name, text)
        for old in set(blobs.iterdir()) - {blobs / name for name in wanted}:
            old.unlink()
        described = {"mediaType": MANIFEST, "digest": self.digest, "size": len(self.manifest)}
        index = {"schemaVersion": 2, "manifests": [{**described, "annotations": {NAME: __version__}}]}
        _write(folder / "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _write(folder / "index.json", _json(index))


def build_image(package: Package, base: Base, told: Callable[[Step], None] = lambda _: None) -> Image:
    """Make what is stale of the image of a package; each layer lies in the machine's cache by what it is made from."""
    spark = Spark.here()
    made = [
        layer("python", [package.python.sha256], lambda tar: add_tar(tar, PYTHON, package.python.path)),
        layer("spark", _hashes(package.spark, *package.pyspark), lambda tar: _add_spark(tar, package, spark)),
        layer("jars", _hashes(*package.jars), lambda tar: add_files(tar, JARS, [jar.path for jar in package.jars])),
        layer("project", [*_hashes(package.code, package.project), *_own()], lambda tar: _add_project(tar, package)),
    ]
    steps = (*base.steps, *(step for _, step in made))
    for step in steps:
        told(step)
    layers = (*base.layers, *(one for one, _ in made))
    return Image(layers, _config(layers, base.env, package), steps, base.layers)


def _add_spark(tar: tarfile.TarFile, package: Package, spark: Spark) -> None:
    """Spark as an installation has it: its programs, its jars, its Python side."""
    add_files(tar, f"{SPARK_HOME}/bin", [file for file in (spark.home / "bin").iterdir() if not file.suffix], RUN)
    add_files(tar, f"{SPARK_HOME}/bin", (spark.home / "bin").glob("*.sh"), RUN)
    add_zip(tar, f"{SPARK_HOME}/jars", package.spark.path)
    add_files(tar, f"{SPARK_HOME}/python/lib", [one.path for one in package.pyspark])


def _add_project(tar: tarfile.TarFile, package: Package) -> None:
    add_zip(tar, CODE, package.code.path)
    add_zip(tar, PROJECT, package.project.path)
    add_file(tar, f"{HOME}/entrypoint.sh", ENTRYPOINT, RUN)
    add_files(tar, HOME, [RUNNER, LOG_SETTINGS])
    add_folder(tar, WORK, ANYONES)


def _own() -> list[str]:
    return [str(file_sha256(file)) for file in (ENTRYPOINT, LOG_SETTINGS, RUNNER)]


def _hashes(*artifacts: Any) -> list[str]:
    return [f"{one.name} {one.sha256}" for one in artifacts]


def _config(layers: tuple[Layer, ...], of_base: Mapping[str, str], package: Package) -> bytes:
    pyspark = [f"{SPARK_HOME}/python/lib/{one.name}" for one in package.pyspark]
    env = {
        **of_base,
        "SPARK_HOME": SPARK_HOME,
        "PYSPARK_PYTHON": INTERPRETER,
        "PYSPARK_DRIVER_PYTHON": INTERPRETER,
        "PYTHONPATH": ":".join([CODE, *pyspark]),
        "AURIFY_PROJECT": PROJECT,
        "HOME": WORK,
        "LANG": "C.UTF-8",
    }
    run = {
        "User": str(USER),
        "Env": [f"{name}={value}" for name, value in sorted(env.items())],
        "Entrypoint": [f"{HOME}/entrypoint.sh"],
        "WorkingDir": WORK,
        "Labels": {"org.opencontainers.image.version": __version__},
    }
    return _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": CREATED,
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [one.diff_id for one in layers]},
            "history": [{"created": CREATED, "created_by": f"aurify package: {one.made_from}"} for one in layers],
        }
    )


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _write(path: Path, content: bytes) -> None:
    with whole(path) as aside:
        aside.write_bytes(content)

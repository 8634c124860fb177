"""The tier of real clusters: `make test-cluster` starts it, nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from hdfs_native import Client

import aurify
from aurify.storage import Storage
from aurify.workflows.lake import Lake
from retail.generate import generate
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.on_yarn import REPOSITORY, Aurify, command_line

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, before pytest looks which marks were asked for."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    """One HDFS and YARN for all tests that need one; where it can't start they fail, and say why."""
    with Hadoop(tmp_path_factory.mktemp("hadoop")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def in_environment() -> Iterator[Callable[[Mapping[str, str]], None]]:
    """Sets variables of this process, which are as they were at the end."""
    with pytest.MonkeyPatch.context() as patch:

        def put(variables: Mapping[str, str]) -> None:
            for name, value in variables.items():
                patch.setenv(name, value)

        yield put


@pytest.fixture
def hdfs_folder(hadoop: Hadoop, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of a folder that is not there yet."""
    for name, value in hadoop.env.items():
        monkeypatch.setenv(name, value)
    return f"{hadoop.hdfs_uri}/tests/{uuid4().hex}"


@pytest.fixture(scope="session")
def local_lake(tmp_path_factory: pytest.TempPathFactory, in_environment: Callable[[Mapping[str, str]], None]) -> Lake:
    """Days of a shop, refreshed on this machine alone."""
    home = tmp_path_factory.mktemp("local")
    in_environment({"AURIFY_WAREHOUSE": str(home / "lake"), "AURIFY_SOURCES": str(home / "sources")})
    lake = aurify.connect("local", REPOSITORY)
    generate(lake.spark, str(home / "sources"), days=2, history=8, rows_per_day=400, payments_per_day=60)
    assert lake.refresh().exit_code == 0
    return lake


@pytest.fixture(scope="session")
def aurify_on_yarn(hadoop: Hadoop, local_lake: Lake, in_environment: Callable[[Mapping[str, str]], None]) -> Aurify:
    """The command line on the cluster, with the files of the local lake on HDFS."""
    in_environment(hadoop.env)
    sources, client = Path(local_lake.settings.sources), Client(hadoop.hdfs_uri)
    for file in sources.rglob("*"):
        if file.is_file():
            there, changed = f"/sources/{file.relative_to(sources)}", file.stat().st_mtime_ns // 1_000_000
            Storage().upload(file, f"{hadoop.hdfs_uri}{there}")
            client.set_times(there, changed, changed)  # a delivery is dated by it
    places = {"AURIFY_WAREHOUSE": f"{hadoop.hdfs_uri}/lake", "AURIFY_SOURCES": f"{hadoop.hdfs_uri}/sources"}
    return command_line({**hadoop.env, **places, "AURIFY_ENV": "yarn"})

"""The tier of real clusters: `make test-cluster` starts it, nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import aurify
from aurify.config.settings import SparkSettings
from aurify.workflows.lake import Lake
from retail.generate import generate
from tests.cluster import on_kubernetes
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.kubernetes.cluster import Kubernetes
from tests.cluster.mlflow_server import MlflowServer
from tests.cluster.on_yarn import Aurify, command_line, put_sources
from tests.cluster.processes import REPOSITORY
from tests.cluster.s3.server import S3Server
from tests.cluster.trained import Trained, train_here

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HERE = Path(__file__).parent
# Of one test with its clusters, which the first that needs them starts.
LONGEST_S = 1_500
PATIENCE_S = 2_400


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and let it take its time, before pytest looks which marks were asked for."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("cluster")
            item.add_marker(pytest.mark.timeout(LONGEST_S))
            item.add_marker(pytest.mark.timeout(PATIENCE_S))  # several applications, each of minutes on a busy machine


@pytest.fixture(scope="session")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    """One HDFS and YARN for all tests that need one; where it can't start they fail, and say why."""
    with Hadoop(tmp_path_factory.mktemp("hadoop")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    """One Kubernetes for all tests that need one; its programs are built once a machine."""
    with Kubernetes(tmp_path_factory.mktemp("kubernetes")) as cluster:
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
def s3(
    tmp_path_factory: pytest.TempPathFactory, in_environment: Callable[[Mapping[str, str]], None]
) -> Iterator[S3Server]:
    """One S3 server for all tests that need one, in the environment of this process."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        in_environment(server.env)
        yield server


@pytest.fixture
def s3_folder(s3: S3Server) -> str:
    """The URI of a folder of a bucket that is not there yet."""
    return f"{s3.bucket('tests')}/{uuid4().hex}"


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[SparkSession]:
    """One session for all tests of the tier: its JVM keeps the environment that it was started in, so S3's is there."""
    from aurify.session import open_session, stop

    conf = {"spark.sql.shuffle.partitions": "2", "spark.databricks.delta.snapshotPartitions": "1"}
    here = SparkSettings(master="local[2]", driver_memory="2g", conf=conf)
    session = open_session(here, "aurify tests", str(tmp_path_factory.mktemp("lake")), [s3.bucket("tests")])
    yield session
    stop(session)


@pytest.fixture(scope="session")
def local_lake(
    tmp_path_factory: pytest.TempPathFactory, in_environment: Callable[[Mapping[str, str]], None], spark: SparkSession
) -> Lake:
    """Days of a shop, refreshed on this machine alone."""
    home = tmp_path_factory.mktemp("local")
    in_environment({"AURIFY_WAREHOUSE": str(home / "lake"), "AURIFY_SOURCES": str(home / "sources")})
    lake = aurify.connect("local", REPOSITORY, spark)
    generate(lake.spark, str(home / "sources"), days=2, history=8, rows_per_day=400, payments_per_day=60)
    assert lake.refresh().exit_code == 0
    return lake


@pytest.fixture(scope="session")
def aurify_on_yarn(hadoop: Hadoop, local_lake: Lake, in_environment: Callable[[Mapping[str, str]], None]) -> Aurify:
    """The command line on the cluster, with the files of the local lake on HDFS."""
    in_environment(hadoop.env)
    put_sources(Path(local_lake.settings.sources), hadoop.hdfs_uri, "/sources")
    places = {"AURIFY_WAREHOUSE": f"{hadoop.hdfs_uri}/lake", "AURIFY_SOURCES": f"{hadoop.hdfs_uri}/sources"}
    return command_line({**hadoop.env, **places, "AURIFY_ENV": "yarn"})


@pytest.fixture(scope="session")
def s3_of_pods(kubernetes: Kubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server that pods reach, with a bucket for a lake."""
    with S3Server(tmp_path_factory.mktemp("s3_of_pods"), kubernetes.host_address) as server:
        server.bucket(on_kubernetes.BUCKET)
        yield server


@pytest.fixture(scope="session")
def aurify_on_kubernetes(
    kubernetes: Kubernetes,
    s3_of_pods: S3Server,
    local_lake: Lake,
) -> Aurify:
    """The command line on Kubernetes, with the files of the local lake on S3."""
    on_kubernetes.put_sources(Path(local_lake.settings.sources), s3_of_pods)
    return on_kubernetes.command_line_of(kubernetes, s3_of_pods)


@pytest.fixture(scope="session")
def trained_here(local_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A model of this machine alone, with a registry of its own."""
    return train_here(local_lake, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def mlflow_of_pods(kubernetes: Kubernetes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server that pods reach."""
    with MlflowServer(tmp_path_factory.mktemp("mlflow_of_pods"), kubernetes.host_address) as server:
        yield server.uri


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an MLflow server on loopback."""
    with MlflowServer(tmp_path_factory.mktemp("mlflow")) as server:
        yield server.uri

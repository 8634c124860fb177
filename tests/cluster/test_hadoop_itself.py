"""The cluster that the other tests of this tier stand on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hdfs_native import Client

from aurify.errors import EnvironmentFailure
from tests.cluster.hadoop.cluster import NODE_MEMORY_MB, Hadoop
from tests.cluster.hadoop.configuration import QUEUES
from tests.cluster.hadoop.daemons import DAEMONS, HOST_NAMES
from tests.cluster.processes import recorded, starter, working_below

CONTENT = bytes(range(256)) * 4096

STARTS_ONE = """\
import sys
from pathlib import Path
from tests.cluster.hadoop.cluster import Hadoop
with Hadoop(Path(sys.argv[1])):
    print("whole", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def client(hadoop: Hadoop) -> Client:
    """HDFS, as a Python program sees it."""
    return Client(hadoop.hdfs_uri, config_dir=str(hadoop.conf_dir))


@pytest.fixture
def written_before(client: Client) -> str:
    """A file of HDFS."""
    _write(client, "/before")
    return "/before"


@pytest.fixture
def second_datanode_killed(hadoop: Hadoop, written_before: str) -> Iterator[None]:
    """One of two datanodes is gone, during a test."""
    hadoop.kill("datanode2")
    yield
    hadoop.start_again("datanode2")


def _write(client: Client, path: str) -> None:
    with client.create(path) as file:
        file.write(CONTENT)


def _read(client: Client, path: str) -> bytes:
    with client.read(path) as file:
        return bytes(file.read())


def test_what_is_written_is_read_and_is_kept_twice(client: Client) -> None:
    _write(client, "/written")
    assert _read(client, "/written") == CONTENT
    assert client.get_file_info("/written").replication == 2


@pytest.mark.usefixtures("second_datanode_killed")
def test_with_one_of_two_datanodes_files_are_read_and_written(
    hadoop: Hadoop, client: Client, written_before: str
) -> None:
    assert _read(client, written_before) == CONTENT
    # Until the namenode knows it sends writers to the dead one too, and hdfs-native does not go on with the other.
    hadoop.wait_for(lambda now: now.datanodes == 1, "one datanode that lives")
    _write(client, "/after")
    assert _read(client, "/after") == CONTENT


def test_yarn_has_two_nodes_with_their_memory_and_both_queues(hadoop: Hadoop) -> None:
    assert hadoop.yarn.running_nodes() == sorted(HOST_NAMES)
    assert hadoop.health().memory_mb == 2 * NODE_MEMORY_MB
    assert hadoop.yarn.queues() == sorted(QUEUES)


def test_a_start_that_fails_tells_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    too_small = Hadoop(tmp_path, node_memory_mb=100)
    with pytest.raises(EnvironmentFailure, match=r"nodemanager\d: found it ended with \d+; the end of its log") as told:
        too_small.__enter__()
    assert "minimum allocations" in str(told.value)
    assert not list(working_below(tmp_path))


def test_a_cluster_ends_with_the_process_that_started_it(hadoop: Hadoop, tmp_path: Path) -> None:
    assert hadoop.health().datanodes == 2  # so that two clusters run at once
    starting = starter(STARTS_ONE, str(tmp_path))
    with starting:
        assert starting.stdout is not None
        assert starting.stdout.readline() == b"whole\n"
        assert all(recorded(tmp_path, daemon.name) for daemon in DAEMONS)
        starting.kill()
    until = time.monotonic() + 20
    while left := list(working_below(tmp_path)):
        assert time.monotonic() < until, left
        time.sleep(0.1)
    assert hadoop.health().datanodes == 2

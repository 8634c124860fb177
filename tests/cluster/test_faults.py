"""What dies while a refresh runs on YARN: it completes, or stops with one clear error, and the tables are right."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from aurify.publish.target import Handle
from aurify.storage import Storage
from aurify.workflows.lake import Lake
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.hadoop.containers import Role
from tests.cluster.on_yarn import Aurify, assert_same_tables
from tests.cluster.rest import get_text

PATIENCE_S = 480


class Running:
    """A refresh into a warehouse of its own that has published a table, and goes on."""

    def __init__(self, hadoop: Hadoop, aurify: Aurify) -> None:
        self.hadoop, self.aurify = hadoop, aurify
        self.warehouse = f"{hadoop.hdfs_uri}/faults/{uuid4().hex}"
        submitted = self.call("submit", "--detach", "--json", "--", "refresh")
        assert submitted.returncode == 0, submitted.stderr
        self.id = str(json.loads(submitted.stdout)["application"])
        self.wait("a table", lambda: Handle.open(f"{self.warehouse}/bronze/pos_lines") is not None)

    def call(self, *words: str) -> Any:
        return self.aurify(*words, AURIFY_WAREHOUSE=self.warehouse)

    def wait(self, what: str, there: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE_S
        while not (found := there()):
            assert time.monotonic() < until, f"no {what}: {self.status()}"
            time.sleep(0.2)
        return found

    def status(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads(self.call("apps", "status", self.id, "--json").stdout)
        return told

    def kill(self, role: Role) -> None:
        for process in self.wait(role, lambda: self.hadoop.containers(self.id, role)):
            process.kill()

    def ended(self) -> Mapping[str, Any]:
        def told() -> Mapping[str, Any] | None:
            now = self.status()
            return None if now["exit_code"] is None else now

        found: Mapping[str, Any] = self.wait("end", told)
        return found


@pytest.fixture
def running(hadoop: Hadoop, aurify_on_yarn: Aurify) -> Iterator[Running]:
    work = Running(hadoop, aurify_on_yarn)
    yield work
    work.call("apps", "kill", work.id)


def test_what_runs_is_measured_by_prometheus_and_leaves_its_events(running: Running, hadoop: Hadoop) -> None:
    page = hadoop.yarn.url.replace("/ws/v1/cluster", f"/proxy/{running.id}")
    told = [get_text(f"{page}/metrics/{name}prometheus") for name in ("", "executors/")]
    assert "BlockManager_memory_memUsed_MB" in told[0]
    assert "metrics_executor_totalTasks_total" in told[1]
    assert running.call("apps", "kill", running.id).returncode == 0
    events = Storage().names(f"{running.warehouse}/_submitted/events")
    assert any(name.startswith(running.id) for name in events)


def test_executors_that_die_are_replaced(running: Running, local_lake: Lake) -> None:
    running.kill("executor")
    assert running.ended()["exit_code"] == 0
    assert_same_tables(local_lake, running.warehouse)


def test_a_second_attempt_takes_over_from_a_driver_that_died(running: Running, local_lake: Lake) -> None:
    running.kill("driver")
    assert running.ended()["exit_code"] == 0
    assert len(running.hadoop.yarn.attempts(running.id)) == 2
    assert_same_tables(local_lake, running.warehouse)


def test_an_application_that_was_ended_leaves_tables_that_the_next_one_completes(
    running: Running, local_lake: Lake
) -> None:
    assert running.call("apps", "kill", running.id).returncode == 0
    assert running.ended()["exit_code"] == 3
    assert running.call("submit", "--", "refresh").returncode == 0
    assert_same_tables(local_lake, running.warehouse)


def test_a_datanode_that_dies_is_done_without(running: Running, local_lake: Lake, hadoop: Hadoop) -> None:
    hadoop.kill("datanode2")
    try:
        assert running.ended()["exit_code"] == 0
    finally:
        hadoop.start_again("datanode2")
    assert_same_tables(local_lake, running.warehouse)

"""What dies, or finds no room, while a refresh runs on Kubernetes: it completes, or the next one makes it good."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from aurify.workflows.lake import Lake
from tests.cluster.kubernetes.cluster import Kubernetes
from tests.cluster.on_kubernetes import BUCKET, assert_same_tables
from tests.cluster.on_yarn import Aurify
from tests.cluster.s3.server import S3Server
from tests.cluster.waiting import wait_for


class Running:
    """A refresh into a warehouse of its own that has published a table, and goes on."""

    def __init__(self, kubernetes: Kubernetes, s3: S3Server, aurify: Aurify) -> None:
        self.kubernetes, self.aurify = kubernetes, aurify
        self.warehouse = f"faults/{uuid4().hex}"
        submitted = self.call("submit", "--detach", "--json", "--", "refresh")
        assert submitted.returncode == 0, submitted.stderr
        self.id = str(json.loads(submitted.stdout)["application"])
        log = s3.folder(BUCKET) / self.warehouse / "bronze/pos_lines/_delta_log"
        wait_for("a table", lambda: list(log.glob("*.json")))

    def call(self, *words: str) -> Any:
        return self.aurify(*words, AURIFY_WAREHOUSE=f"s3a://{BUCKET}/{self.warehouse}")

    def remove(self, role: str) -> None:
        """Delete the pods of a role, without time to say goodbye."""
        pods = ("-l", f"spark-role={role}", "--field-selector=status.phase=Running")
        wait_for(role, lambda: self.kubernetes.kubectl("-n", "spark", "get", "pods", *pods, "-o", "name"))
        self.kubernetes.kubectl("-n", "spark", "delete", "pods", *pods, "--force", "--grace-period=0")

    def completes(self) -> None:
        """Hold its end against a success; its driver's log is told where it is none."""
        ended = self.ended()
        assert ended["exit_code"] == 0, f"{ended}\n{self.call('apps', 'logs', self.id).stdout}"

    def ended(self) -> Mapping[str, Any]:
        def told() -> Mapping[str, Any] | None:
            now: Mapping[str, Any] = json.loads(self.call("apps", "status", self.id, "--json").stdout)
            return None if now["exit_code"] is None else now

        found = wait_for("end", told)
        assert found is not None
        return found


@pytest.fixture
def running(kubernetes: Kubernetes, s3_of_pods: S3Server, aurify_on_kubernetes: Aurify) -> Iterator[Running]:
    work = Running(kubernetes, s3_of_pods, aurify_on_kubernetes)
    yield work
    work.call("apps", "kill", work.id)


def test_executors_whose_pods_go_are_replaced(running: Running, local_lake: Lake, s3_of_pods: S3Server) -> None:
    running.remove("executor")
    running.completes()
    assert_same_tables(local_lake, s3_of_pods, running.warehouse)


def test_a_driver_whose_pod_goes_leaves_tables_that_the_next_one_completes(
    running: Running, local_lake: Lake, s3_of_pods: S3Server
) -> None:
    running.remove("driver")
    gone = running.call("apps", "status", running.id)
    assert gone.returncode == 2
    assert "no such pod in the namespace spark" in gone.stderr
    refused = running.call("submit", "--", "refresh")
    if refused.returncode:  # a minute has to pass before what the dead one held is void
        assert "or 60 s after it died, and try again" in refused.stdout + refused.stderr
        wait_for("a refresh that goes on", lambda: running.call("submit", "--", "refresh").returncode == 0)
    assert_same_tables(local_lake, s3_of_pods, running.warehouse)

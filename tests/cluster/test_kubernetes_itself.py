"""The cluster of one node that the tests of submission to Kubernetes stand on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes import configuration
from tests.cluster.kubernetes.cluster import Kubernetes
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.kubernetes.pods import output, waits_for
from tests.cluster.kubernetes.traces import FIXED, namespace, traces
from tests.cluster.processes import starter
from tests.cluster.rest import get_json

STARTS_ONE = """\
import json, sys
from pathlib import Path
from tests.cluster.kubernetes.cluster import Kubernetes
from tests.cluster.kubernetes.pods import output
with Kubernetes(Path(sys.argv[1])) as cluster:
    cluster.kubectl("run", "stays", f"--image={cluster.pod_image}")
    output(cluster.kubectl, "ends", cluster.pod_image, ["resolve", "localhost"])
    print(json.dumps([cluster.node_pid, *cluster.plan.words]), flush=True)
    sys.stdin.read()
"""


class Greets(BaseHTTPRequestHandler):
    """A server of a test."""

    def do_GET(self) -> None:
        """Answer whoever asks."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from outside")

    def log_message(self, format: str, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def greeting(kubernetes: Kubernetes) -> Iterator[str]:
    """The URL of a server of this process, at the address that pods see."""
    with HTTPServer((kubernetes.host_address, 0), Greets) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{kubernetes.host_address}:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def folders_before() -> list[Path]:
    """Folders of this machine that were there before a cluster."""
    return [folder for folder in FIXED if folder.exists()]


def test_a_pod_of_an_image_of_the_registry_reaches_a_server_of_this_machine(
    kubernetes: Kubernetes, greeting: str
) -> None:
    assert "aurify/pod" in get_json(f"http://{kubernetes.registry}/v2/_catalog")["repositories"]
    assert any(kubernetes.registry_storage.rglob("_manifests"))
    assert output(kubernetes.kubectl, "asks", kubernetes.pod_image, ["get", greeting]) == "from outside"


def test_pods_find_services_by_name_and_nothing_else(kubernetes: Kubernetes) -> None:
    known = ["resolve", "kubernetes.default.svc"]
    assert output(kubernetes.kubectl, "knows", kubernetes.pod_image, known) == kubernetes.plan.api_service
    with pytest.raises(EnvironmentFailure, match="no such host"):
        output(kubernetes.kubectl, "seeks", kubernetes.pod_image, ["resolve", "elsewhere.example"])


def test_the_service_of_the_api_server_leads_to_it(kubernetes: Kubernetes) -> None:
    address = f"https://{kubernetes.plan.api_service}/healthz"
    with pytest.raises(EnvironmentFailure, match="certificate signed by unknown authority"):
        output(kubernetes.kubectl, "serves", kubernetes.pod_image, ["get", address])


def test_an_image_that_is_not_there_is_told_of(kubernetes: Kubernetes) -> None:
    kubernetes.kubectl("run", "lacks", f"--image={kubernetes.registry}/aurify/nothing:1")
    until = time.monotonic() + 60
    while (found := waits_for(kubernetes.kubectl, "lacks")) not in ("ErrImagePull", "ImagePullBackOff"):
        assert time.monotonic() < until, found
        time.sleep(0.2)


def test_definitions_of_the_spark_operator_are_known(kubernetes: Kubernetes) -> None:
    kubernetes.install_operator_definitions()
    application: dict[str, Any] = {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": "one", "namespace": "spark"},
        "spec": {
            "type": "Python",
            "mode": "cluster",
            "sparkVersion": "3.5.9",
            "mainApplicationFile": "local:///opt/main.py",
            "driver": {},
            "executor": {},
        },
    }
    apply = ("apply", "--dry-run=server", "-o", "name", "-f", "-")
    assert "one" in kubernetes.kubectl(*apply, given=json.dumps(application))
    application["spec"]["type"] = "Cobol"
    with pytest.raises(EnvironmentFailure, match=r"spec\.type: Unsupported value"):
        kubernetes.kubectl(*apply, given=json.dumps(application))


def test_a_start_that_fails_tells_the_log_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders_before: list[Path]
) -> None:
    monkeypatch.setattr(configuration, "COREFILE", ". {{\n nonsense\n}}")
    broken = Kubernetes(tmp_path)
    with pytest.raises(EnvironmentFailure, match="node-holder: found it ended with 1") as told:
        broken.__enter__()
    assert "coredns: found it ended with 1" in str(told.value)
    assert "Unknown directive 'nonsense'" in str(told.value)
    assert traces(broken.plan, "") == list(map(str, folders_before))


def test_a_cluster_that_ends_leaves_nothing(tmp_path: Path, folders_before: list[Path]) -> None:
    with Kubernetes(tmp_path) as cluster:
        output(cluster.kubectl, "ends", cluster.pod_image, ["resolve", "localhost"])
        cluster.kubectl("run", "stays", f"--image={cluster.pod_image}")
        node = namespace(cluster.node_pid)
        assert len(traces(cluster.plan, node)) > 10
    assert traces(cluster.plan, node) == list(map(str, folders_before))


def test_a_cluster_ends_with_the_process_that_started_it(
    kubernetes: Kubernetes, tmp_path: Path, folders_before: list[Path]
) -> None:
    starting = starter(STARTS_ONE, str(tmp_path))
    with starting:
        assert starting.stdout is not None
        node_pid, *words = json.loads(starting.stdout.readline())
        plan, node = Plan.of_words(words), namespace(node_pid)
        assert len(traces(plan, node)) > 10
        starting.kill()
    until = time.monotonic() + 20
    while (left := traces(plan, node)) != list(map(str, folders_before)):
        assert time.monotonic() < until, left
        time.sleep(0.1)
    assert kubernetes.kubectl("get", "nodes", "-o", "name").strip() == f"node/{kubernetes.plan.node}"

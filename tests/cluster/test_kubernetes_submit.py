"""Work on a real Kubernetes, submitted by somebody who may only submit: what it does, ends with, and is refused for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from aurify.workflows.lake import Lake
from tests.cluster.kubernetes.cluster import Kubernetes
from tests.cluster.on_kubernetes import assert_same_tables
from tests.cluster.on_yarn import Aurify, document_of
from tests.cluster.s3.server import S3Server
from tests.cluster.waiting import wait_for


@pytest.fixture(scope="module")
def first(aurify_on_kubernetes: Aurify) -> Mapping[str, Any]:
    ran = aurify_on_kubernetes("submit", "--json", "--", "refresh")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return document_of(ran)


def test_tables_of_pods_are_those_of_the_laptop_row_for_row(
    first: Mapping[str, Any], local_lake: Lake, s3_of_pods: S3Server
) -> None:
    assert first["exit_code"] == 0
    assert_same_tables(local_lake, s3_of_pods)


def test_a_second_submission_sends_nothing_and_changes_nothing(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify
) -> None:
    assert sum(first["sent_bytes"].values()) > 0
    ran = aurify_on_kubernetes("submit", "--json", "--", "refresh")
    assert ran.returncode == 0, ran.stderr
    assert document_of(ran)["sent_bytes"] == {}
    assert "nothing new" in document_of(ran)["log"]


@pytest.mark.parametrize("mode", ["client", "cluster"])
def test_a_submission_ends_with_the_exit_code_of_its_program(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify, kubernetes: Kubernetes, mode: str
) -> None:
    here = ("--conf", f"spark.driver.host={kubernetes.host_address}") if mode == "client" else ()
    ran = aurify_on_kubernetes("submit", *here, "--mode", mode, "--", "refresh", "silver.pos_line")
    assert ran.returncode == 2
    assert "did you mean 'silver.pos_lines'?" in ran.stdout + ran.stderr


def test_a_driver_here_has_its_executors_in_pods(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify, kubernetes: Kubernetes
) -> None:
    here = ("--conf", f"spark.driver.host={kubernetes.host_address}", "--mode", "client")
    ran = aurify_on_kubernetes("submit", *here, "--json", "--", "refresh", "gold.daily_sales", "--full")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_applications_are_listed_and_ended(first: Mapping[str, Any], aurify_on_kubernetes: Aurify) -> None:
    ran = aurify_on_kubernetes("submit", "--detach", "--json", "--name", "to be ended", "--", "refresh", "--full")
    id = document_of(ran)["application"]
    assert id in aurify_on_kubernetes("apps", "list", "--json").stdout
    assert aurify_on_kubernetes("apps", "kill", id).returncode == 0
    wait_for("the pod to go", lambda: aurify_on_kubernetes("apps", "status", id).returncode == 2)


def test_all_that_can_not_run_is_told_before_anything_is_sent(aurify_on_kubernetes: Aurify) -> None:
    wrong = {
        "spark.kubernetes.authenticate.driver.serviceAccountName": "nobody",
        "spark.executor.memory": "9t",
        "spark.dynamicAllocation.enabled": "true",
    }
    options = [word for key, value in wrong.items() for word in ("--conf", f"{key}={value}")]
    ran = aurify_on_kubernetes("submit", *options, "--", "train", "card_fraud")
    assert ran.returncode == 2
    assert "LightGBM's barrier" in ran.stderr
    assert "mlflow.tracking" in ran.stderr
    nowhere = aurify_on_kubernetes("submit", "--conf", "spark.kubernetes.namespace=nowhere", "--", "refresh")
    assert nowhere.returncode == 3
    assert "we may not create pods" in nowhere.stderr
    assert "in nowhere" in nowhere.stderr


def test_an_image_that_can_not_be_pulled_ends_the_waiting(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify, kubernetes: Kubernetes
) -> None:
    image = f"{kubernetes.registry}/nothing:1"
    ran = aurify_on_kubernetes("submit", "--conf", f"spark.kubernetes.container.image={image}", "--", "refresh")
    assert ran.returncode == 3
    assert f"{image}: not found" in ran.stderr
    assert "so it was killed" in ran.stderr


def test_a_full_quota_is_told_at_once(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify, kubernetes: Kubernetes
) -> None:
    kubernetes.kubectl("-n", "spark", "create", "quota", "small", "--hard=pods=0")
    try:
        ran = aurify_on_kubernetes("submit", "--", "refresh")
    finally:
        kubernetes.kubectl("-n", "spark", "delete", "quota", "small")
    assert ran.returncode == 3
    assert "of 0 pods in use, 2 more asked for by driver and one executor" in ran.stderr


def test_a_manifest_is_one_that_the_operator_knows(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify, kubernetes: Kubernetes, tmp_path: Any
) -> None:
    kubernetes.install_operator_definitions()
    ran = aurify_on_kubernetes("submit", "--manifest", "--", "refresh")
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "app.yml").write_text(ran.stdout)
    kubernetes.kubectl("apply", "-f", str(tmp_path / "app.yml"))
    kept = yaml.safe_load(kubernetes.kubectl("-n", "spark", "get", "sparkapplication", "aurify-refresh", "-o", "yaml"))
    assert kept["spec"] == yaml.safe_load(ran.stdout)["spec"]


def test_a_cron_job_runs_the_work_in_a_pod_of_its_own(
    first: Mapping[str, Any], aurify_on_kubernetes: Aurify, kubernetes: Kubernetes, tmp_path: Any
) -> None:
    ran = aurify_on_kubernetes("submit", "--schedule", "0 3 * * *", "--", "refresh")
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "job.yml").write_text(ran.stdout)
    kubernetes.kubectl("apply", "-f", str(tmp_path / "job.yml"))
    kubernetes.kubectl("-n", "spark", "create", "job", "once", "--from=cronjob/aurify-refresh")

    def ended() -> str:
        conditions = "jsonpath={.status.conditions[*].type}"
        return kubernetes.kubectl("-n", "spark", "get", "job", "once", "-o", conditions)

    wait_for("the job to end", lambda: {"Complete", "Failed"} & set(ended().split()))
    listed = document_of(aurify_on_kubernetes("apps", "list", "--json"))["applications"]
    (app,) = [app for app in listed if app["id"].startswith("once-")]
    assert app["exit_code"] == 0, aurify_on_kubernetes("apps", "logs", app["id"]).stdout
    assert "nothing new" in aurify_on_kubernetes("apps", "logs", app["id"]).stdout

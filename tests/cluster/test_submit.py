from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aurify.storage import Storage
from aurify.workflows.lake import Lake
from tests.cluster.hadoop.cluster import Hadoop
from tests.cluster.on_yarn import Aurify, assert_same_tables, document_of


@pytest.fixture(scope="module")
def first(aurify_on_yarn: Aurify) -> Mapping[str, Any]:
    ran = aurify_on_yarn("submit", "--json", "--", "refresh")
    assert ran.returncode == 0, ran.stderr
    return document_of(ran)


def test_tables_of_the_cluster_are_those_of_the_laptop_row_for_row(
    first: Mapping[str, Any], aurify_on_yarn: Aurify, hadoop: Hadoop, local_lake: Lake
) -> None:
    assert first["exit_code"] == 0
    assert_same_tables(local_lake, f"{hadoop.hdfs_uri}/lake")


def test_a_second_submission_ships_nothing_and_changes_nothing(
    first: Mapping[str, Any], aurify_on_yarn: Aurify
) -> None:
    assert sum(first["sent_bytes"].values()) > 0
    ran = aurify_on_yarn("submit", "--json", "--", "refresh")
    assert ran.returncode == 0, ran.stderr
    assert document_of(ran)["sent_bytes"] == {}
    assert "nothing new" in aurify_on_yarn("apps", "logs", document_of(ran)["application"]).stdout


@pytest.mark.parametrize("mode", ["client", "cluster"])
def test_a_submission_ends_with_the_exit_code_of_its_program(
    first: Mapping[str, Any], aurify_on_yarn: Aurify, mode: str
) -> None:
    ran = aurify_on_yarn("submit", "--mode", mode, "--", "refresh", "silver.pos_line")
    assert ran.returncode == 2
    assert "did you mean 'silver.pos_lines'?" in ran.stdout + ran.stderr


def test_a_program_of_jobs_runs_as_it_is(first: Mapping[str, Any], aurify_on_yarn: Aurify) -> None:
    ran = aurify_on_yarn("submit", "jobs/refresh_tables.py", "--env", "yarn", "gold.daily_sales")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert '"exit_code": 0' in ran.stdout


def test_what_can_not_run_is_refused_before_anything_is_shipped(hadoop: Hadoop, aurify_on_yarn: Aurify) -> None:
    nowhere = f"{hadoop.hdfs_uri}/refused"
    wrong = ("--conf", "spark.yarn.queue=nosuch", "--conf", "spark.executor.memory=9g")
    ran = aurify_on_yarn("submit", *wrong, "--", "refresh", AURIFY_WAREHOUSE=nowhere)
    assert ran.returncode == 2
    assert "no queue 'nosuch'" in ran.stderr
    assert "4096 MB at most: yarn.scheduler.maximum-allocation-mb" in ran.stderr
    assert not Storage().exists(f"{nowhere}/_submitted")
    small = aurify_on_yarn("submit", "--conf", "spark.yarn.queue=small", "--", "refresh")
    assert small.returncode == 2
    assert "1024 MB at most: maximum-allocation-mb of the queue small" in small.stderr


def test_executors_are_proposed_for_what_waits(first: Mapping[str, Any], aurify_on_yarn: Aurify) -> None:
    told = aurify_on_yarn("doctor", "--json", "--", "refresh", "--full")
    assert told.returncode == 0, told.stdout
    (size,) = [found["found"] for found in document_of(told)["findings"] if found["what"] == "size"]
    assert "1 executors of 1 cores" in size
    ran = aurify_on_yarn("submit", "--size", "--", "refresh")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "size: 0 MB of input are 1 partitions of 128 MB" in ran.stderr


def test_applications_are_listed_and_ended(first: Mapping[str, Any], aurify_on_yarn: Aurify) -> None:
    ran = aurify_on_yarn("submit", "--detach", "--json", "--name", "to be ended", "--", "refresh", "--full")
    id = document_of(ran)["application"]
    assert id in aurify_on_yarn("apps", "list", "--json").stdout
    assert aurify_on_yarn("apps", "kill", id).returncode == 0
    ended = aurify_on_yarn("apps", "status", id, "--json")
    assert (document_of(ended)["state"], ended.returncode) == ("KILLED", 3)


def test_printing_a_submission_ships_nothing(hadoop: Hadoop, aurify_on_yarn: Aurify) -> None:
    nowhere = f"{hadoop.hdfs_uri}/printed"
    ran = aurify_on_yarn("submit", "--print", "--", "refresh", AURIFY_WAREHOUSE=nowhere)
    assert ran.returncode == 0, ran.stderr
    assert "spark-submit" in ran.stdout
    assert f"{nowhere}/_submitted/" in ran.stdout
    assert not Storage().exists(f"{nowhere}/_submitted")

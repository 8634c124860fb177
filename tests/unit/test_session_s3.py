"""What a session takes of the environment for S3, before any JVM starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurify.config.settings import SparkSettings
from aurify.errors import ConfigurationError
from aurify.session.jars import DELTA, session_coordinates
from aurify.session.s3a import COMMITTER, COORDINATES, s3_coordinates, s3_settings
from aurify.session.spark import open_session

ON_S3 = ("/landing", "s3a://lake/tables")
ELSEWHERE = ("/landing", "hdfs://n:8020/lake")


def test_nothing_is_added_where_no_place_is_on_s3() -> None:
    assert s3_settings(ELSEWHERE, {"AWS_ENDPOINT_URL": "http://store:9000"}) == {}
    assert session_coordinates({}, ELSEWHERE) == (DELTA,)


def test_addresses_come_from_the_environment_and_keys_do_not(tmp_path: Path) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "hunter1", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_SESSION_TOKEN": "hunter3"}
    at_home = s3_settings(ON_S3, {**keys, "AWS_ENDPOINT_URL": "http://store:9000", "AWS_REGION": "home"})
    assert at_home["spark.hadoop.fs.s3a.endpoint"] == "http://store:9000"
    assert at_home["spark.hadoop.fs.s3a.path.style.access"] == "true"
    assert at_home["spark.hadoop.fs.s3a.endpoint.region"] == "home"
    assert "hunter" not in str(at_home)
    by_host = s3_settings(ON_S3, {"AWS_ENDPOINT": "https://store", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true"})
    assert by_host["spark.hadoop.fs.s3a.path.style.access"] == "false"
    of_amazon = s3_settings(ON_S3, {})
    assert not {"spark.hadoop.fs.s3a.endpoint", "spark.hadoop.fs.s3a.path.style.access"} & set(of_amazon)


def test_a_token_of_a_service_account_is_asked_for_where_there_is_one() -> None:
    providers = "spark.hadoop.fs.s3a.aws.credentials.provider"
    assert "WebIdentityToken" in s3_settings(ON_S3, {"AWS_WEB_IDENTITY_TOKEN_FILE": "/var/token"})[providers]
    assert providers not in s3_settings(ON_S3, {})


def test_a_client_that_is_there_is_left_alone(tmp_path: Path) -> None:
    assert s3_coordinates(ON_S3, tmp_path) == COORDINATES
    assert s3_coordinates(ON_S3, tmp_path, "org.apache.hadoop:hadoop-aws:3.3.6") == (COMMITTER,)
    (tmp_path / "hadoop-aws-3.3.6.jar").touch()
    assert s3_coordinates(ON_S3, tmp_path) == (COMMITTER,)


def test_a_log_store_that_does_not_see_other_commits_is_refused(tmp_path: Path) -> None:
    conf = {"spark.delta.logStore.s3a.impl": "io.delta.storage.S3DynamoDBLogStore"}
    settings = SparkSettings(master="local[2]", driver_memory="1g", conf=conf)
    with pytest.raises(ConfigurationError, match="S3SingleDriverLogStore"):
        open_session(settings, "a test", str(tmp_path), ON_S3)

"""What S3 does not give: one clear error of the command line, and nothing is begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from aurify.errors import EnvironmentFailure
from aurify.publish.lease import Lease
from aurify.storage import Storage
from tests.cluster.processes import REPOSITORY
from tests.cluster.s3.old_store import old_store
from tests.cluster.s3.server import S3Server

LAKE = {"AURIFY_WAREHOUSE": "s3a://refused/lake", "AURIFY_SOURCES": "s3a://refused/sources", "AURIFY_ENV": "local"}
# What is different from an environment that works, and what is told; an empty value is none.
REFUSED: dict[str, tuple[Mapping[str, str], str, str]] = {
    "a wrong secret": ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
    "an unknown key": ({"AWS_ACCESS_KEY_ID": "nobody"}, "No user exists", "AWS_ACCESS_KEY_ID"),
    "no keys": (
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        "no credentials",
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    "no bucket": ({"AURIFY_WAREHOUSE": "s3a://not-there/lake"}, "NoSuchBucket", "look at warehouse"),
    "nobody at the address": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "error sending", "http://127.0.0.1:9"),
    "no TLS": ({"AWS_ALLOW_HTTP": ""}, "an address without TLS", "AWS_ALLOW_HTTP=true"),
}


PATIENCE_S = 60


def aurify(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """The command line with these variables; an empty one is not there."""
    variables = {name: value for name, value in {**os.environ, **environment}.items() if value}
    command = [sys.executable, "-m", "aurify", *words]
    return subprocess.run(
        command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )


@pytest.fixture(scope="module")
def environment(s3: S3Server) -> dict[str, str]:
    """One that works."""
    s3.bucket("refused")
    return {**s3.env, **LAKE}


@pytest.mark.parametrize("case", REFUSED)
def test_doctor_tells_in_seconds_what_is_missing(case: str, environment: Mapping[str, str]) -> None:
    different, found, hint = REFUSED[case]
    ran = aurify({**environment, **different}, "doctor", "--json")
    (bad,) = [told for told in json.loads(ran.stdout)["findings"] if told["grade"] == "bad"]
    assert ran.returncode == 3
    assert bad["what"] == f"s3a://{'not-there' if case == 'no bucket' else 'refused'}"
    assert found in bad["found"]
    assert hint in bad["hint"]


@pytest.mark.parametrize("case", ["a wrong secret", "no bucket", "nobody at the address"])
def test_a_refresh_tells_the_same_before_spark_is_started(case: str, environment: Mapping[str, str]) -> None:
    different, found, hint = REFUSED[case]
    ran = aurify({**environment, **different, "SPARK_HOME": "/nowhere"}, "refresh", "bronze.pos_lines")
    assert ran.returncode == 3, ran.stderr
    assert found in ran.stderr
    assert hint in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_store_that_lets_two_create_one_file_is_refused(
    environment: Mapping[str, str], s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with old_store(s3) as env:
        ran = aurify({**environment, **env}, "doctor", "--json")
        (bad,) = [told for told in json.loads(ran.stdout)["findings"] if told["grade"] == "bad"]
        assert ran.returncode == 3
        assert bad["found"] == "a file could be created twice under one name"
        assert "If-None-Match" in bad["hint"]
        table = f"{s3.bucket('old')}/table"
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(EnvironmentFailure, match="could be created twice"):
            Lease(Storage(), table, "a run").__enter__()
        assert not Storage().exists(table)


def test_a_store_that_does_is_good(environment: Mapping[str, str]) -> None:
    ran = aurify(environment, "doctor", "--json")
    findings = {told["what"]: told for told in json.loads(ran.stdout)["findings"]}
    assert findings["commits"]["found"] == "s3a://refused/lake: written, read, and created once only"
    assert findings["commits"]["grade"] == "good"
    assert findings["sources"]["grade"] == "warning"
    assert ran.returncode == 0, ran.stdout

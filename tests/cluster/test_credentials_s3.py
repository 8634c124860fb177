"""Keys of S3 that stand in no environment and no setting: each client asks for them where they are kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.cluster.ports import LOOPBACK
from tests.cluster.processes import REPOSITORY
from tests.cluster.s3.by_reference import KEYS
from tests.cluster.s3.server import S3Server

NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture
def role(s3: S3Server, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a container whose role is asked for at an address, as on ECS and EKS."""
    secret = dict(zip(("AccessKeyId", "SecretAccessKey"), (s3.env[name] for name in NAMES), strict=True))
    document = json.dumps({**secret, "Token": "", "Expiration": "2100-01-01T00:00:00Z"}).encode()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

    token = tmp_path / "token"
    token.write_text("a token")
    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://{LOOPBACK}:{server.server_port}/role"
        known = {name: value for name, value in {**os.environ, **s3.env}.items() if name not in NAMES}
        yield {
            **known,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": address,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        }
        server.shutdown()


def by_reference(environment: dict[str, str], *words: str) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.cluster.s3.by_reference", *words]
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    told: dict[str, object] = json.loads(ran.stdout)
    return told


ALL_READ = {"created": True, "by delta-rs": 3, "by spark": [3, 10], "keys": [None, None]}


def test_all_clients_take_the_role_of_a_container(role: dict[str, str], s3: S3Server) -> None:
    assert by_reference(role, s3.bucket("by-role")) == ALL_READ


def test_spark_takes_keys_from_a_credential_provider_of_hadoop(
    role: dict[str, str], s3: S3Server, spark: SparkSession, tmp_path: Path
) -> None:
    provider = f"jceks://file{tmp_path}/keys.jceks"
    jvm, gateway = spark._jvm, spark.sparkContext._gateway
    assert jvm is not None
    assert gateway is not None
    shell = jvm.org.apache.hadoop.security.alias.CredentialShell()
    shell.setConf(spark._jsc.hadoopConfiguration())
    for key, name in zip(KEYS, NAMES, strict=True):
        words = ("create", key, "-value", s3.env[name], "-provider", provider)
        arguments = gateway.new_array(jvm.java.lang.String, len(words))
        for at, word in enumerate(words):
            arguments[at] = word
        assert shell.run(arguments) == 0
    assert by_reference(role, s3.bucket("by-provider"), provider) == ALL_READ

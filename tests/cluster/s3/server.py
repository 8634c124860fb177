"""A real S3 server over a folder of this machine: started, watched, and ended without a trace."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError

from aurify.errors import EnvironmentFailure
from tests.cluster.go_programs import built_tools
from tests.cluster.ports import LOOPBACK, ClaimedPorts, claim_ports
from tests.cluster.processes import DATA, dead, record, recorded, watch
from tests.cluster.rest import get_text
from tests.cluster.server import Server

NAME = "s3"
REGION = "us-east-1"
PATIENCE_S = 30


class S3Server(Server):
    """The Versity gateway; each bucket is a folder. `host` is the address that clients reach it by."""

    def __init__(self, home: Path, host: str = LOOPBACK) -> None:
        self.state = home.resolve()
        self._host = host
        self._access_key = f"AKIA{secrets.token_hex(8).upper()}"
        self._secret_key = secrets.token_hex(20)
        self._claimed: ClaimedPorts | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The address of its protocol."""
        assert self._claimed is not None
        return f"http://{self._host}:{self._claimed.by_name[NAME]}"

    @property
    def env(self) -> dict[str, str]:
        """What a process that uses it needs in its environment."""
        return {
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
        }

    @property
    def log(self) -> Path:
        """Where it logs each request."""
        return self.state / f"{NAME}.log"

    def bucket(self, name: str) -> str:
        """A bucket, made where there is none; its URI."""
        (self._buckets / name).mkdir(exist_ok=True)
        return f"s3a://{name}"

    def folder(self, bucket: str) -> Path:
        """Where the files of a bucket lie on this machine."""
        return self._buckets / bucket

    def date(self, uri: str, modified_s: float) -> None:
        """Say when an object changed, which the protocol leaves to the server."""
        os.utime(self._buckets / uri.partition("://")[2], (modified_s, modified_s))

    def kill(self) -> None:
        """End it by SIGKILL."""
        process = recorded(self.state, NAME)
        if process is not None:
            process.kill()
        if self._process is not None:
            self._process.wait()

    def start_again(self) -> None:
        """Start it on what it had written, and wait until it answers."""
        program = built_tools(Path(__file__).parent) / "versitygw"
        listen = self.endpoint.removeprefix("http://")
        command = [str(program), "--quiet", "--keep-alive", "--access-log", str(self.log), "--region", REGION]
        keys = {"ROOT_ACCESS_KEY_ID": self._access_key, "ROOT_SECRET_ACCESS_KEY": self._secret_key}
        with self._said.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--port", listen, "posix", str(self._buckets)],
                cwd=self._buckets,
                env=keys,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record(self.state, NAME, self._process.pid)
        self._wait_until_it_answers()

    def _start(self) -> None:
        self._claimed = claim_ports([NAME])
        self._buckets.mkdir(parents=True)
        self._watch = watch("tests.cluster.watch", str(self.state))
        self.start_again()

    def stop(self) -> None:
        """End it, and keep only its log."""
        self.kill()
        if self._watch is not None:
            self._watch.communicate()
        if self._claimed is not None:
            self._claimed.claim.close()
        shutil.rmtree(self.state / DATA, ignore_errors=True)

    @property
    def _buckets(self) -> Path:
        return self.state / DATA / "buckets"

    @property
    def _said(self) -> Path:
        return self.state / "output.txt"

    def _wait_until_it_answers(self) -> None:
        """Whoever has no keys is refused by a server that works."""
        assert self._process is not None
        until = time.monotonic() + PATIENCE_S
        while True:
            ended = self._process.poll()
            if ended is not None:
                raise dead("the S3 server", ended, self._said)
            try:
                get_text(self.endpoint)
                return
            except HTTPError as error:
                if error.code == 403:
                    return
                found = str(error)
            except OSError as error:
                found = str(error)
            if time.monotonic() > until:
                raise EnvironmentFailure.of(self.endpoint, f"{found} after {PATIENCE_S} s", "an S3 server that answers")
            time.sleep(0.02)

"""The S3 server that other tests of this tier stand on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aurify.storage import Storage
from tests.cluster.processes import starter, working_below
from tests.cluster.s3.server import S3Server

STARTS_ONE = """\
import sys
from pathlib import Path
from tests.cluster.s3.server import S3Server
with S3Server(Path(sys.argv[1])):
    print("answers", flush=True)
    sys.stdin.read()
"""


def test_what_was_written_is_there_after_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with S3Server(tmp_path, host="127.0.0.2") as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        place = f"{server.bucket('killed')}/a/file"
        assert Storage().create(place, b"first")
        server.kill()
        server.start_again()
        assert Storage().read(place) == b"first"
        assert not Storage().create(place, b"second")


def test_the_server_goes_when_its_starter_is_killed(tmp_path: Path) -> None:
    starting = starter(STARTS_ONE, str(tmp_path))
    assert starting.stdout is not None
    assert starting.stdout.readline() == b"answers\n"
    assert list(working_below(tmp_path))
    starting.kill()
    starting.communicate()
    until = time.monotonic() + 20
    while list(working_below(tmp_path)) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(working_below(tmp_path)) == []

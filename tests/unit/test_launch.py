"""spark-submit as a process: how it gets its secrets, and what ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aurify.deploy import launch
from aurify.deploy.launch import hand_over, run_here
from aurify.deploy.spark_submit import SparkSubmit
from aurify.errors import EnvironmentFailure

LINE = SparkSubmit("job.py", (), "yarn", "client", "the day", {"spark.hadoop.fs.s3a.secret.key": "hidden"})
# Spark's own scripts hand on to each other by exec, and read the file of properties twice.
READS = 'for again in 1 2; do bash -c "grep -o hidden $2"; done; exit 5'
WAITS = 'sleep 600 & echo "$!" > "$HOME/child"; sleep 600'
WAITER = """
import signal
from aurify.deploy.launch import run_here
from tests.unit.test_launch import LINE
# A shell's background job ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
run_here(LINE, 600)
"""
Script = Callable[[str], None]
Look = Callable[[], None]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def spark_submit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Writes what stands in for spark-submit; it finds its home in the test's folder."""

    def write(script: str) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/spark-submit").write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / "bin/spark-submit").chmod(0o755)

    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return write


def _wait(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not there():
        assert time.monotonic() < until
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_secrets_are_read_from_a_file_that_lies_nowhere(
    spark_submit: Script, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spark_submit(f"ls {tmp_path}/tmp; {READS}")
    assert run_here(LINE, 60) == 5
    assert capfd.readouterr().out == "hidden\nhidden\n"


def test_what_spark_submit_says_against_a_submission_is_told(spark_submit: Script) -> None:
    spark_submit("echo WARN something; echo 'Exception in main: Required executor memory is too much'; exit 1")
    with pytest.raises(EnvironmentFailure, match="Required executor memory"):
        hand_over(LINE)


def _refuse() -> None:
    raise EnvironmentFailure.of("the cluster", "full", "room")


@pytest.mark.parametrize(
    ("limit_s", "look", "told"), [(0.1, lambda: None, "submit.end_within_s"), (60, _refuse, "full")]
)
def test_a_wait_that_is_over_ends_all_that_was_started(
    spark_submit: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit_s: float, look: Look, told: str
) -> None:
    monkeypatch.setattr(launch, "PAUSE_S", 0.5)
    spark_submit(WAITS)
    with pytest.raises(EnvironmentFailure, match=told):
        run_here(LINE, limit_s, look)
    _wait(lambda: not _runs(int((tmp_path / "child").read_text())))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_all_that_was_started_and_leaves_no_file(
    spark_submit: Script, tmp_path: Path, number: signal.Signals
) -> None:
    spark_submit(WAITS)
    waiter = subprocess.Popen([sys.executable, "-c", WAITER], cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    _wait(lambda: (tmp_path / "child").exists() and bool((tmp_path / "child").read_text()))
    waiter.send_signal(number)
    assert waiter.wait(60) != 0
    _wait(lambda: not _runs(int((tmp_path / "child").read_text())))
    assert list((tmp_path / "tmp").iterdir()) == []

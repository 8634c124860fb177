"""Running spark-submit: in a process group of its own, with secrets in a file that has no name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from aurify.deploy.spark_submit import SparkSubmit
from aurify.errors import EnvironmentFailure
from aurify.session.jars import spark_home
from aurify.session.java import find_java

SUBMIT_PATIENCE_S = 600.0
PAUSE_S = 2.0
ENDS_WITHIN_S = 20.0
# Lines of its log that tell why a submission was refused.
_TELLING = ("Exception", "Error", "error:", "Required ", "denied")
_SHOWN = 3


def run_here(submission: SparkSubmit, end_within_s: float, look: Callable[[], object] = lambda: None) -> int:
    """Run a submission whose driver is here, its output on this terminal, and give what it ends with.

    Meanwhile `look` is called every few seconds. EnvironmentFailure where it does not end in time, or of `look`: all
    that it started here is ended then.
    """
    until = time.monotonic() + end_within_s
    with _started(submission) as process:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(PAUSE_S)
            look()
            if time.monotonic() > until:
                found, hint = (
                    f"not ended after {end_within_s:.0f} s, so it was killed",
                    "submit.end_within_s allows more",
                )
                raise EnvironmentFailure.of(submission.name, found, f"an end within {end_within_s:.0f} s", hint)


def hand_over(submission: SparkSubmit) -> str:
    """Submit work whose driver is on the cluster, and give what spark-submit said; EnvironmentFailure if refused."""
    with _started(submission, subprocess.PIPE) as process:
        try:
            said = process.communicate(timeout=SUBMIT_PATIENCE_S)[0].decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            found = f"no end of spark-submit within {SUBMIT_PATIENCE_S:.0f} s"
            raise EnvironmentFailure.of("spark-submit", found, "an accepted application") from error
    if process.returncode:
        raise EnvironmentFailure.of("spark-submit", _reason(said), "an accepted application")
    return said


@contextmanager
def _started(submission: SparkSubmit, output: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """spark-submit, its output on `output`; ended with all that it started by an error, or a signal to this process."""
    with _ended_by_signals(), _secrets(submission) as secrets:
        command = submission.argv(spark_home(), None if secrets is None else Path(f"/proc/self/fd/{secrets}"))
        kept = () if secrets is None else (secrets,)
        errors = None if output is None else subprocess.STDOUT
        with subprocess.Popen(
            command, env=_environment(submission), stdout=output, stderr=errors, start_new_session=True, pass_fds=kept
        ) as process:
            try:
                yield process
            except BaseException as error:
                _end(process, signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM)
                raise


def _end(process: subprocess.Popen[bytes], by: signal.Signals) -> None:
    """End the group of a process, in the end by SIGKILL."""
    for number, wait_s in ((by, ENDS_WITHIN_S), (signal.SIGKILL, ENDS_WITHIN_S)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait_s)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP be raised as the end of this program, as Ctrl-C is."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reason(said: str) -> str:
    telling = [line.strip() for line in said.splitlines() if any(word in line for word in _TELLING)]
    last = said.strip().splitlines()[-1:]
    return "; ".join(list(dict.fromkeys(telling))[:_SHOWN] or last) or "it ended without a word"


def _environment(submission: SparkSubmit) -> dict[str, str]:
    # spark-submit hands PYTHONPATH on to the nodes, where its folders are not.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYSPARK_", "PYTHONPATH"))}
    home = {"JAVA_HOME": str(find_java().home), "SPARK_HOME": str(spark_home())}
    return {**inherited, **home, "PYSPARK_PYTHON": sys.executable, **submission.environment}


@contextmanager
def _secrets(submission: SparkSubmit) -> Iterator[int | None]:
    """The descriptor of a file of properties with the secret settings, which lies on no disk; None without secrets."""
    if not submission.secret_conf:
        yield None
        return
    if not hasattr(os, "memfd_create"):
        raise EnvironmentFailure.of("submit", f"secrets in spark.conf, on {sys.platform}", "Linux, to hand them over")
    lines = [f"{key}={_escaped(value)}" for key, value in submission.secret_conf.items()]
    with open(os.memfd_create("secrets"), "w", encoding="utf-8") as file:
        file.write("\n".join([_of_the_site(), *lines]) + "\n")
        file.flush()
        yield file.fileno()


def _of_the_site() -> str:
    """The settings of this machine, which spark-submit does not read beside a file of properties."""
    file = Path(os.environ.get("SPARK_CONF_DIR") or spark_home() / "conf", "spark-defaults.conf")
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")

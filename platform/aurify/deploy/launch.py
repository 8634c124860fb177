"""Running spark-submit, with secrets in a file that only this user reads."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aurify.deploy.spark_submit import SparkSubmit
from aurify.errors import EnvironmentFailure
from aurify.session.jars import spark_home
from aurify.session.java import find_java

SUBMIT_PATIENCE_S = 600.0
# Lines of its log that tell why a submission was refused.
_TELLING = ("Exception", "Error", "error:", "Required ", "denied")
_SHOWN = 3


def run_here(submission: SparkSubmit) -> int:
    """Run a submission whose driver is here, its output on this terminal, and give what it ends with."""
    with _secrets(submission) as secrets:
        ran = subprocess.run(submission.argv(spark_home(), secrets), env=_environment(submission), check=False)
    return ran.returncode


def hand_over(submission: SparkSubmit) -> str:
    """Submit work whose driver is on the cluster, and give what spark-submit said; EnvironmentFailure if refused."""
    with _secrets(submission) as secrets:
        command = submission.argv(spark_home(), secrets)
        try:
            ran = subprocess.run(
                command,
                env=_environment(submission),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=SUBMIT_PATIENCE_S,
            )
        except subprocess.TimeoutExpired as error:
            found = f"no end of spark-submit within {SUBMIT_PATIENCE_S:.0f} s"
            raise EnvironmentFailure.of("spark-submit", found, "an accepted application") from error
    if ran.returncode:
        raise EnvironmentFailure.of("spark-submit", _reason(ran.stdout), "an accepted application")
    return ran.stdout


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
def _secrets(submission: SparkSubmit) -> Iterator[Path | None]:
    """A file of properties with the secret settings; none where there are none."""
    if not submission.secret_conf:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "secrets.properties")
        file.touch(mode=0o600)
        lines = [f"{key}={_escaped(value)}" for key, value in submission.secret_conf.items()]
        file.write_text("\n".join([_of_the_site(), *lines]) + "\n", encoding="utf-8")
        yield file


def _of_the_site() -> str:
    """The settings of this machine, which spark-submit does not read beside a file of properties."""
    file = Path(os.environ.get("SPARK_CONF_DIR") or spark_home() / "conf", "spark-defaults.conf")
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")

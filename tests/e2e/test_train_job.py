"""jobs/train_model.py as a cluster runs it: under spark-submit, which has decided master, memory and jars."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aurify.session.jars import DELTA, cached_jars, spark_home
from aurify.session.java import find_java
from tests.integration.lakes import Toy
from tests.integration.test_train import MODELS, TABLES, delivered

ROOT = Path(__file__).parents[2]
CONF = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Toy:
    """A lake with rows to learn from."""
    toy = Toy(tmp_path_factory.mktemp("job"), TABLES + MODELS)
    delivered(toy)
    toy.refresh()
    return toy


def submitted(*words: object) -> subprocess.CompletedProcess[str]:
    """The job under spark-submit."""
    java = find_java()
    given = [word for name, value in CONF.items() for word in ("--conf", f"{name}={value}")]
    jars = ",".join(map(str, cached_jars([DELTA], {}, java)))
    submit = [str(spark_home() / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "1g"]
    command = [*submit, "--jars", jars, *given, str(ROOT / "jobs/train_model.py"), *map(str, words)]
    paths = os.pathsep.join([str(ROOT / "platform"), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "JAVA_HOME": str(java.home), "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": paths}
    # spark-submit gives what the program says on stderr as stdout, and says on stderr what it does itself
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300)


def test_a_model_is_trained_and_its_report_printed(toy: Toy) -> None:
    ran = submitted("risk", "--project", toy.root)
    assert ran.returncode == 0, ran.stderr[-4_000:]
    report = json.loads(ran.stdout.splitlines()[-1])
    assert (report["model"], report["version"], report["is_new"], report["passed"]) == ("risk", 1, True, True)
    champion = toy.lake.registry.champion("risk")
    assert champion is not None
    assert champion.number == 1


def test_an_unknown_model_ends_with_2_and_says_so(toy: Toy) -> None:
    ran = submitted("risky", "--project", toy.root)
    assert ran.returncode == 2, ran.stderr[-4_000:]
    assert "no such model" in ran.stdout
    assert "did you mean 'risk'?" in ran.stdout

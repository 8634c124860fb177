"""Runs one measured function in a process of its own, with a Spark session that is the same for all of them."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.meter import Meter

ROOT = Path(__file__).resolve().parents[1]
PYTHON_PATH = f"{ROOT}{os.pathsep}{ROOT / 'platform'}"
MASTER, DRIVER_MEMORY = "local[2]", "3g"


class Unfinished(Exception):
    """A function that ended with an error, or not in time."""


@contextmanager
def scratch_of(name: str) -> Iterator[Path]:
    """An empty folder for a benchmark, removed afterwards."""
    folder = ROOT / ".aurify" / "benchmarks" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(function: str, driver_memory: str = DRIVER_MEMORY, packages: str = "", **arguments: Any) -> dict[str, Any]:
    """Call `module:name(spark, meter, **arguments)` in a new process; gives what it returned, and all costs.

    `packages` are those that the session needs beside Delta. `costs` holds those of every section by name,
    `since_birth` the wall and CPU time of the process when the function was done. Unfinished where it failed.
    """
    return run_within(None, function, driver_memory, packages, **arguments)


def run_within(
    limit_s: float | None, function: str, driver_memory: str, packages: str, **arguments: Any
) -> dict[str, Any]:
    """The same; Unfinished also where it takes longer than so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        said = json.dumps(arguments, default=str)
        command = [sys.executable, "-m", "benchmarks.program", function, said, str(answer), driver_memory, packages]
        environment = {**os.environ, "PYTHONPATH": PYTHON_PATH}
        try:
            ended = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise Unfinished(f"{function}: no end within {limit_s:g} s") from None
        if ended.returncode:
            raise Unfinished(f"{function} ended with {ended.returncode}")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def _main(function: str, said: str, answer: str, driver_memory: str, packages: str) -> None:
    from aurify.config.settings import SparkSettings
    from aurify.session import open_session, stop

    module, _, name = function.partition(":")
    folder = Path(answer).parent
    gc_log = folder / "gc.log"
    conf = {"spark.driver.extraJavaOptions": f"-Xlog:gc:file={gc_log}:uptime:filecount=0"}
    conf |= {"spark.jars.packages": packages} if packages else {}
    settings = SparkSettings(master=MASTER, driver_memory=driver_memory, conf=conf)
    spark = open_session(settings, "aurify benchmark", str(folder))
    meter = Meter(spark, gc_log)
    returned = getattr(importlib.import_module(module), name)(spark, meter, **json.loads(said))
    costs = {section: [cost.as_dict() for cost in found] for section, found in meter.costs.items()}
    document = {"returned": returned, "costs": costs, "since_birth": meter.since_birth()}
    Path(answer).write_text(json.dumps(document), encoding="utf-8")
    stop(spark)


if __name__ == "__main__":
    _main(*sys.argv[1:])

"""A process that trains models up to a border each, and is killed there with its JVM.

The models of a plan are trained one after the other, each in a thread of its own, which waits at its border. When all
wait, the process group kills itself; a plan without borders trains to the end, and waits to be killed at any moment.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aurify
from aurify.models.registry import Registry
from aurify.workflows import train as workflow
from aurify.workflows.lake import Lake
from tests.kills.borders import attribute

Tell = Callable[[str], None]
PATIENCE_S = 1500


class Told:
    """The steps on disk, one JSON line each, and the trainings that wait at their border."""

    def __init__(self, file: str) -> None:
        self._out = open(file, "a", encoding="utf-8")  # noqa: SIM115 - open until the process is killed
        self.until = threading.local()

    def step(self, name: str, **more: object) -> None:
        """Write a step of this thread's training down; at its border wait for the end."""
        told = {"root": getattr(self.until, "root", ""), "table": getattr(self.until, "model", ""), "step": name}
        self._out.write(json.dumps({**told, "seconds": time.monotonic(), **more}) + "\n")
        self._out.flush()
        os.fsync(self._out.fileno())
        if name == getattr(self.until, "border", None):
            self.until.waits.set()
            time.sleep(PATIENCE_S)


def borders() -> tuple[tuple[Any, str, str, str], ...]:
    """What is wrapped, and what is told before and after it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.store.db import utils as mlflow_tables
    from mlflow.tracking import MlflowClient

    return (
        (mlflow_tables, "_upgrade_db", "registry half made", ""),
        (workflow, "training_rows", "", "set written"),
        (workflow, "_keep_record", "", "record kept"),
        (workflow, "_keep_judgement", "", "judged"),
        (MlflowClient, "create_model_version", "files kept", ""),
        (Registry, "register", "", "registered"),
        (workflow, "keep_card", "", "card kept"),
        (Registry, "tag", "", "tagged"),
        (MlflowClient, "set_registered_model_alias", "", "alias moved"),
        (Registry, "promote", "", "promoted"),
    )


def tell_borders(tell: Tell) -> None:
    """Tell each border that is passed, by wrapping functions from outside."""

    def telling(function: Any, before: str, after: str) -> Any:
        def wrapped(*args: Any, **options: Any) -> Any:
            if before:
                tell(before)
            result = function(*args, **options)
            if after:
                tell(after)
            return result

        return wrapped

    def fitting(spec_name: str, learning: Any, *rest: Any) -> Any:
        Path(learning.scratch, "half").mkdir(parents=True)  # as an estimator does that keeps rows there
        tell("fitting")
        return fit(spec_name, learning, *rest)

    fit = attribute(workflow, "fit_model")
    setattr(workflow, "fit_model", fitting)  # noqa: B010 - it is imported there
    for owner, name, before, after in borders():
        setattr(owner, name, telling(getattr(owner, name), before, after))


def work(told: Told, lake: Lake, model: str, border: str | None, waits: threading.Event) -> None:
    """Train one model, up to its border where it has one."""
    for name, value in {"root": str(lake.definition.root), "model": model, "border": border, "waits": waits}.items():
        setattr(told.until, name, value)
    try:
        report = workflow.train(lake, model, listen=told.step)
    except Exception as error:
        told.step("raised", error=f"{type(error).__name__}: {error}")
        raise
    told.step("finished", version=report.version)


def main(plan: dict[str, Any]) -> None:
    """Bring every training to its border, one after the other; then die, or wait to be killed."""
    told = Told(plan["steps"])
    tell_borders(told.step)
    lakes = {root: aurify.connect("local", root) for root in dict.fromkeys(t["root"] for t in plan["trainings"])}
    spark = next(iter(lakes.values())).session
    told.step("open", jvm=spark.sparkContext._gateway.proc.pid)  # type: ignore[union-attr]
    for training in plan["trainings"]:
        lake, waits = lakes[training["root"]], threading.Event()
        lake._spark = spark
        arguments = (told, lake, training["model"], training["border"], waits)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        thread.start()
        while thread.is_alive() and not waits.wait(0.02):
            pass
    told.step("all there")
    if plan["die"]:
        os.killpg(0, signal.SIGKILL)
    time.sleep(PATIENCE_S)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

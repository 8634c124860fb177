"""A process that refreshes lakes up to a step each, and is killed there with its JVM.

Every step is on disk before the refresh goes on. A lake at its last step waits inside the listener, its lease alive;
when all of them wait, the process group kills itself, so that one start of a JVM serves many kills.
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
from aurify.workflows.refresh import refresh
from aurify.workflows.replay import replay
from aurify.workflows.run import Step
from tests.kills.borders import table_at, tell_borders

PATIENCE_S = 1500


class Told:
    """The steps on disk, one JSON line each, and the lakes that wait at their last one."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self._out = open(plan["steps"], "a", encoding="utf-8")  # noqa: SIM115 - open until the process is killed
        self._until = {lake["root"]: tuple(lake["until"]) for lake in plan["lakes"]}
        self._resume = str(plan["resume"])
        self._lock = threading.Lock()
        self.waiting = {root: threading.Event() for root in self._until}

    def step(self, root: str, table: str, name: str, **more: object) -> None:
        """Write a step down; at the lake's last one wait for the end, or for the file that lets it go on."""
        with self._lock:
            line = {"root": root, "table": table, "step": name, "seconds": time.monotonic(), **more}
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()
            os.fsync(self._out.fileno())
        if (table, name) == self._until.get(root) and not self.waiting[root].is_set():
            self.waiting[root].set()
            while not os.path.exists(self._resume):
                time.sleep(0.02)

    def border(self, path: str, name: str) -> None:
        """A border within a step: the path tells lake and table."""
        root = next((r for r in self._until if path.startswith(f"{r}/")), None)
        if root is not None:
            table, ledger = table_at(path, f"{root}/lake")
            self.step(root, table, f"{ledger} ledger" if ledger else name)


def work(root: str, replays: str, told: Told) -> None:
    """Refresh one lake, or replay a table of it, and tell how it went."""

    def listen(step: Step) -> None:
        told.step(root, step.table, step.name)

    try:
        lake = aurify.connect("local", root)
        report = replay(lake, replays, listen=listen) if replays else refresh(lake, listen=listen)
    except Exception as error:
        told.step(root, "", "raised", error=f"{type(error).__name__}: {error}")
        raise
    errors = {name: table.error.render() for name, table in report.tables.items() if table.error}
    outcomes = {name: table.outcome for name, table in report.tables.items()}
    same = {"run": report.run, "pid": os.getpid()}
    told.step(root, "", "finished", exit_code=report.exit_code, errors=errors, outcomes=outcomes, **same)


def main(plan: dict[str, Any], work: Callable[[str, str, Told], None] = work) -> None:
    """Bring every lake to its step, one after the other; then die, or go on when told to."""
    told = Told(plan)
    tell_borders(told.border)
    spark = aurify.connect("local", plan["lakes"][0]["root"]).spark
    told.step("", "", "open", jvm=spark.sparkContext._gateway.proc.pid)  # type: ignore[union-attr]
    replays = {lake["root"]: lake["until"][0] if lake["replays"] else "" for lake in plan["lakes"]}
    threads = {
        root: threading.Thread(target=work, args=(root, replays[root], told), daemon=True) for root in told.waiting
    }
    for root, thread in threads.items():
        thread.start()
        while thread.is_alive() and not told.waiting[root].wait(0.02):
            pass
    told.step("", "", "all there")
    if plan["die"]:
        os.killpg(0, signal.SIGKILL)
    for thread in threads.values():
        thread.join(PATIENCE_S)
    told.step("", "", "all done")
    time.sleep(PATIENCE_S)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))

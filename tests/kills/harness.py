"""Starting victims, killing them, and looking at what they left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PATIENCE_S = 1500


@dataclass(frozen=True)
class Border:
    """Where a refresh is killed: right after a step of a table, or of the run where `table` is empty."""

    table: str
    step: str

    def __str__(self) -> str:
        """As it stands in the name of a test."""
        return f"{self.table} {self.step}".strip()


NOWHERE = Border("-", "-")


@dataclass
class Victim:
    """A process that refreshes lakes, and the steps it has told."""

    process: subprocess.Popen[bytes]
    folder: Path
    said: Path = field(init=False)

    def __post_init__(self) -> None:
        self.said = self.folder / "output.txt"

    def steps(self, root: Path | None = None) -> list[dict[str, Any]]:
        """What it has told so far, of one lake or of all."""
        file = self.folder / "steps.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        told = [json.loads(line) for line in lines if line.endswith("}")]
        return [step for step in told if root is None or step["root"] == str(root)]

    def wait_for(self, there: Callable[[list[dict[str, Any]]], bool], what: str) -> None:
        """Wait until its steps say so."""
        until = time.monotonic() + PATIENCE_S
        while True:
            ended = self.process.poll() is not None  # asked first: its last step may be told right before its end
            if there(self.steps()):
                return
            if ended or time.monotonic() > until:
                raise AssertionError(f"the victim {'ended' if ended else 'hangs'} before {what}:\n{self.output()}")
            time.sleep(0.005)

    def wait_for_step(self, step: str) -> None:
        """Wait until it has told a step of any lake."""
        self.wait_for(lambda steps: any(s["step"] == step for s in steps), step)

    def signal(self, number: int) -> None:
        """Signal the process and its JVM."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9, if it has not done so itself, and wait until the JVM is gone too."""
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        for step in self.steps():
            while "jvm" in step and _runs(step["jvm"]):
                time.sleep(0.01)

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL is what ended it."""
        return self.process.returncode == -signal.SIGKILL

    def kill_at(self, moment: float, timeline: Sequence[float]) -> None:
        """Kill it at a moment of a timeline of its steps, counted from the last step before that."""
        before = bisect_right(timeline, moment) - 1
        self.wait_for(lambda steps: len(steps) > before, f"step {before}")
        time.sleep(moment - timeline[before])
        self.kill()
        assert self.was_killed, self.output()

    def output(self) -> str:
        """The end of what it printed."""
        return "\n".join(self.said.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


REFRESHES = "tests.kills.victim"


def start_victim(
    folder: Path,
    lakes: Sequence[tuple[Path, Border]],
    *,
    die: bool = True,
    replays: Collection[Path] = (),
    module: str = REFRESHES,
) -> Victim:
    """Start a process that brings every lake to its border and dies there, or waits for the file `resume`.

    The lakes of `replays` get there by a replay of the border's table, the others by what the module does.
    """
    plan = {
        "resume": str(folder / "resume"),
        "lakes": [
            {"root": str(root), "until": [border.table, border.step], "replays": root in replays}
            for root, border in lakes
        ],
        "die": die,
    }
    return started(module, folder, plan)


def started(module: str, folder: Path, plan: Mapping[str, Any]) -> Victim:
    """Start a module as the victim of a plan, in a process group of its own."""
    folder.mkdir(parents=True)
    whole = {"steps": str(folder / "steps.jsonl"), **plan}
    (folder / "plan.json").write_text(json.dumps(whole), encoding="utf-8")
    command = [sys.executable, "-m", module, str(folder / "plan.json")]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Victim(process, folder)


@contextmanager
def victim(folder: Path, lakes: Sequence[tuple[Path, Border]], module: str = REFRESHES) -> Iterator[Victim]:
    """A victim that is told when to die or to go on, gone at the end in any case."""
    started = start_victim(folder, lakes, die=False, module=module)
    try:
        yield started
    finally:
        started.kill()


def kill_at_borders(folder: Path, lakes: Mapping[Path, Border], module: str) -> None:
    """Bring every lake to its border, and kill them all there at once."""
    victim = start_victim(folder, list(lakes.items()), module=module)
    try:
        victim.process.wait(600)
    finally:
        victim.kill()
    assert victim.was_killed, victim.output()
    for root, border in lakes.items():
        assert victim.steps(root)[-1]["step"] == border.step, victim.output()


def asked_steps(request: pytest.FixtureRequest) -> list[str]:
    """The values of `step` in the tests of the file that were selected."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    return [str(item.callspec.params["step"]) for item in items if "step" in getattr(item, "fixturenames", ())]


def copy_lake(source: Path, root: Path) -> Path:
    """A lake of its own, with the Delta ids and file times of the one it is copied from."""
    return Path(shutil.copytree(source, root, ignore=shutil.ignore_patterns("__pycache__")))

"""Processes known by pid and start, recorded in files, so that only those are ended that were started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aurify.errors import EnvironmentFailure

REPOSITORY = Path(__file__).parents[2]

# Folders of a cluster's state: of its records, of what daemons and containers work on, and of what they log.
RECORDS = "running"
DATA = "data"
LOGS = "logs"
LINES_TOLD = 30


@dataclass(frozen=True)
class Process:
    """A process that is never mistaken for a later one with the same pid."""

    pid: int
    started: int  # in the system's ticks since it was started itself

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has the pid now, if one runs."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @property
    def runs(self) -> bool:
        """Whether it has not ended; one that only waits to be asked for its exit code has."""
        return _started(self.pid) == self.started

    def kill(self) -> None:
        """End it by SIGKILL, if it still runs, and wait until it has."""
        if self.runs:
            os.kill(self.pid, signal.SIGKILL)
        while self.runs:
            time.sleep(0.01)


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def record(state: Path, name: str, pid: int) -> None:
    """Write down that a daemon runs."""
    process = Process.of(pid)
    if process is not None:
        folder = state / RECORDS
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"{process.pid} {process.started}\n")


def start(state: Path, name: str, command: Sequence[str], env: Mapping[str, str], at: Path) -> subprocess.Popen[bytes]:
    """Start a daemon of the cluster in a process group of its own, and write down that it runs."""
    with log_file(state, name).open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=at,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record(state, name, process.pid)
    return process


def log_file(state: Path, name: str) -> Path:
    """Where a daemon logs."""
    return state / LOGS / f"{name}.log"


def recorded(state: Path, name: str) -> Process | None:
    """The daemon that was recorded, if it still runs."""
    try:
        pid, started = (state / RECORDS / name).read_text().split()
    except FileNotFoundError:
        return None
    process = Process(int(pid), int(started))
    return process if process.runs else None


def end_daemons(state: Path, first: str = "") -> None:
    """Kill every recorded daemon that still runs, those first whose names start so."""
    folder = state / RECORDS
    for name in sorted(os.listdir(folder) if folder.is_dir() else [], key=lambda name: not name.startswith(first)):
        process = recorded(state, name)
        if process is not None:
            process.kill()
        (folder / name).unlink(missing_ok=True)


def working_below(folder: Path) -> Iterator[tuple[Process, Path, list[str]]]:
    """Every process whose working folder lies below the folder, that working folder, and its command line."""
    for entry in os.listdir("/proc"):
        process = Process.of(int(entry)) if entry.isdigit() else None
        if process is None:
            continue
        try:
            at = Path(os.readlink(f"/proc/{entry}/cwd"))
            words = Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended, or is another user's
            continue
        if folder in at.parents:
            yield process, at, words


def watch(module: str, *words: str, keeps: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start the process that ends a cluster should this one be killed; it holds open files of this one meanwhile."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        start_new_session=True,
        pass_fds=keeps,
    )


def starter(code: str, *words: str) -> subprocess.Popen[bytes]:
    """A Python that can be killed, with this repository on its path."""
    path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def dead(name: str, ended: int, log: Path) -> EnvironmentFailure:
    """What to say of a process that should run."""
    by = f"it ended by {signal.Signals(-ended).name}" if ended < 0 else f"it ended with {ended}"
    told = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_TOLD:]
    found = "\n".join([f"{by}; the end of its log:", *(f"      {line}" for line in told)])
    return EnvironmentFailure.of(name, found, "a daemon that runs", f"the whole log is {log}")

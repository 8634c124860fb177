"""The lease on the folder of a table, a search or a model.

Of a table it saves work: correctness rests on the transaction check alone.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType

from aurify.errors import EnvironmentFailure
from aurify.storage import Storage

# The variable that all attempts of a submission have in common.
SUBMISSION = "AURIFY_SUBMISSION"


def _here() -> str:
    """This host and process namespace, in which a process number means something."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _process(pid: int) -> str:
    """The start time of a process, which tells it from a later one of the same number; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[19]
    except FileNotFoundError:
        return "" if os.path.isdir("/proc/self") else f"unknown {pid}"


def _is_over(claim: Mapping[str, object]) -> bool:
    """Whether it was made by an attempt before this one of the same submission: a cluster runs one at a time."""
    mine = (_here(), os.getpid(), _process(os.getpid()))
    theirs = (claim["host"], claim["pid"], claim["process"])
    return bool(claim.get("submission")) and claim["submission"] == os.environ.get(SUBMISSION) and theirs != mine


class Lease:
    """A claim by one run on one folder, renewed while it is held, void when it falls silent.

    Claims are numbered files created if absent, so that taking over a void one can't race. `on_lost` is called at the
    end of work without an error where a later run has taken over.
    """

    def __init__(
        self,
        storage: Storage,
        path: str,
        run: str,
        heartbeat_s: float = 10,
        void_after_s: float = 60,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._storage = storage
        self._folder = f"{path}/_aurify/lease"
        self._run = run
        self._heartbeat_s = heartbeat_s
        self._void_after_s = void_after_s
        self._on_lost = on_lost
        self._number = 0
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def _claims(self) -> list[int]:
        return sorted(int(n.split(".")[0]) for n in self._storage.names(self._folder) if n.split(".")[0].isdigit())

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:09d}.json"

    def _content(self, released: bool = False) -> bytes:
        claim = {"run": self._run, "host": _here(), "pid": os.getpid(), "process": _process(os.getpid())}
        claim["submission"] = os.environ.get(SUBMISSION, "")
        return json.dumps({**claim, "beat": time.time(), "released": released}).encode()

    def holder(self) -> dict[str, object] | None:
        """Who holds the folder now, if anybody does."""
        claims = self._claims()
        content = self._storage.read(self._path(claims[-1])) if claims else None
        if content is None:
            return None
        claim: dict[str, object] = json.loads(content)
        silent = time.time() - float(str(claim["beat"]))
        dead = claim["host"] == _here() and claim["process"] != _process(int(str(claim["pid"])))
        return None if claim["released"] or dead or _is_over(claim) or silent > self._void_after_s else claim

    @property
    def is_mine(self) -> bool:
        """Whether no later run has taken over."""
        claims = self._claims()
        return bool(claims) and claims[-1] == self._number

    def __enter__(self) -> Lease:
        claims = self._claims()
        held = self.holder()
        self._number = (claims[-1] if claims else 0) + 1
        if held is not None or not self._storage.create(self._path(self._number), self._content()):
            held = held or self.holder() or {"run": "another run", "host": "unknown", "pid": 0}
            raise EnvironmentFailure.of(
                f"folder {os.path.dirname(os.path.dirname(self._folder))}",
                f"run {held['run']} on {held['host']} (process {held['pid']}) is working on it",
                "one run at a time",
                f"wait for it, or {self._void_after_s:.0f} s after it died, and try again",
            )
        for number in claims:
            self._storage.remove(self._path(number))
        self._thread = threading.Thread(target=self._beat, name=f"lease-{self._run}", daemon=True)
        self._thread.start()
        return self

    def _beat(self) -> None:
        while not self._done.wait(self._heartbeat_s):
            with suppress(OSError):  # a full disk, or a store that is away: the next beat may get through
                if not self.is_mine:
                    return
                self._storage.write(self._path(self._number), self._content())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout=self._heartbeat_s)
        if not self.is_mine:
            if error is None:
                self._on_lost()
            return
        try:
            self._storage.write(self._path(self._number), self._content(released=True))
        except OSError:  # no room for the word: no claim says the same
            self._storage.remove(self._path(self._number))

"""Following an application to its end, with a limit on every wait."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from aurify.deploy.application import Application, Outcome
from aurify.errors import ConfigurationError, EnvironmentFailure

UNANSWERED_S = 120.0


class Cluster(Protocol):
    """What is asked of a cluster to follow an application."""

    def application(self, id: str) -> Application:
        """How it stands."""

    def progress(self, id: str) -> str:
        """How far its work is, in a few words; empty where nobody tells."""

    def waiting_tasks(self, id: str) -> int:
        """How many of its tasks wait while it has no executor; 0 where the work goes on, or nobody tells."""

    def shortage(self, app: Application) -> str:
        """What it lacks, like room in its queue; empty where nobody tells."""

    def kill(self, id: str) -> None:
        """End it."""


class Applications(Cluster, Protocol):
    """All that is asked of the applications of a cluster; logs may come `gathering_s` seconds after the end."""

    gathering_s: float

    def applications(self, tag: str) -> list[Application]:
        """Those with a tag, the newest first."""

    def logs(self, id: str) -> dict[str, str]:
        """What each of its processes wrote, as far as it can be had now."""

    def driver_log(self, id: str) -> str:
        """What its driver wrote; empty where it can't be had yet."""


@dataclass(frozen=True)
class Patience:
    """Seconds that an application may wait for room, and until it must have ended; `pause_s` lies between two looks."""

    start_s: float
    end_s: float
    pause_s: float = 2.0


def follow(cluster: Cluster, id: str, patience: Patience, tell: Callable[[str], None]) -> Outcome:
    """Tell of the application until it ends; one that waits too long, or does not end, is killed and told of.

    EnvironmentFailure too where the cluster no longer answers: the application goes on then.
    """
    following = Following(cluster, id, patience, tell)
    while (outcome := following.look()) is None:
        time.sleep(patience.pause_s)
    return outcome


class Following:
    """An application that is looked at again and again."""

    def __init__(
        self, cluster: Cluster, id: str, patience: Patience, tell: Callable[[str], None], silent_s: float = UNANSWERED_S
    ) -> None:
        self._silent_s = silent_s
        self._cluster, self._id, self._patience, self._tell = cluster, id, patience, tell
        self._begun = self._answered = self._worked = time.monotonic()
        self._told = ""

    def look(self) -> Outcome | None:
        """How it ended, if it has. EnvironmentFailure where it had to be killed, or nobody answers any more."""
        try:
            app = self._cluster.application(self._id)
        except ConfigurationError as error:
            hint = "someone removed it, or the master of a cluster that keeps no state was started again"
            raise EnvironmentFailure.of(self._id, "the cluster no longer knows it", "an application", hint) from error
        except EnvironmentFailure:
            if time.monotonic() - self._answered > self._silent_s:
                raise
            return None
        self._answered = time.monotonic()
        if app.outcome is None:
            self._go_on(app)
        return app.outcome

    def _go_on(self, app: Application) -> None:
        """Tell how it stands, and kill it where it has waited for room, or run, for too long."""
        waiting = self._cluster.waiting_tasks(app.id) if app.is_running else 0
        if app.is_running and not waiting:
            self._worked = time.monotonic()
        now = self._account(app, waiting)
        if now != self._told:
            self._tell(now)
            self._told = now
        if app.is_hopeless:
            self._cluster.kill(app.id)
            found, hint = f"{app.diagnostics}, so it was killed", f"look at {app.place}, then submit again"
            raise EnvironmentFailure.of(app.id, found, "a driver that starts", hint)
        if waiting:
            self._stop_late(app, self._worked, Limit("start", f"no executor for {waiting} tasks", "executors"))
        self._stop_late(app, self._worked, Limit("start", "not started", "an application that has started"))
        self._stop_late(app, self._begun, Limit("end", "not ended", "an application that has ended"))

    def _account(self, app: Application, waiting: int) -> str:
        more = self._cluster.progress(app.id) if app.is_running else app.diagnostics
        wait = f"{waiting} tasks wait for an executor" if waiting else ""
        told = ", ".join(filter(None, (more, wait)))
        return f"{app.state.lower()}{': ' if told else ''}{told}"

    def _stop_late(self, app: Application, since: float, limit: Limit) -> None:
        allowed = self._patience.start_s if limit.of == "start" else self._patience.end_s
        waited = time.monotonic() - since
        if waited <= allowed:
            return
        why = "; ".join(filter(None, (app.diagnostics, self._cluster.shortage(app))))
        self._cluster.kill(app.id)
        found = f"{limit.found} after {waited:.0f} s, so it was killed: {app.state} {why}".strip()
        hint = f"look at {app.place}, or allow more in conf/<environment>/settings.yml: submit.{limit.of}_within_s"
        raise EnvironmentFailure.of(app.id, found, f"{limit.expected} within {allowed:.0f} s", hint)


@dataclass(frozen=True)
class Limit:
    """What is over too late: the start of work or its end, what was found, and what is expected."""

    of: Literal["start", "end"]
    found: str
    expected: str


class Watch:
    """The same of a driver that runs here: looked at from the moment that the cluster knows its application.

    Where the cluster no longer answers the driver finds out by itself.
    """

    def __init__(self, cluster: Cluster, find: Callable[[], str | None], patience: Patience) -> None:
        self._cluster, self._find, self._patience = cluster, find, patience
        self._following: Following | None = None

    def look(self) -> None:
        """EnvironmentFailure where it waits for too long, which killed the application."""
        if self._following is not None:
            self._following.look()
            return
        with suppress(EnvironmentFailure):
            id = self._find()
            if id is not None:
                self._following = Following(self._cluster, id, self._patience, lambda told: None, math.inf)

"""Following an application to its end, with a limit on every wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aurify.deploy.application import Application, Outcome
from aurify.errors import ConfigurationError, EnvironmentFailure

UNANSWERED_S = 120.0


class Cluster(Protocol):
    """What is asked of a cluster to follow an application."""

    def application(self, id: str) -> Application:
        """How it stands."""

    def progress(self, id: str) -> str:
        """How far its work is, in a few words; empty where nobody tells."""

    def kill(self, id: str) -> None:
        """End it."""


@dataclass(frozen=True)
class Patience:
    """Seconds until an application must run, and until it must have ended; `pause_s` lies between two looks."""

    start_s: float
    end_s: float
    pause_s: float = 2.0


def follow(cluster: Cluster, id: str, patience: Patience, tell: Callable[[str], None]) -> Outcome:
    """Tell of the application until it ends; one that does not start or end in time is killed, with what it waits for.

    EnvironmentFailure too where the cluster no longer answers: the application goes on then.
    """
    begun = answered = time.monotonic()
    told, has_run = "", False
    while True:
        try:
            app = cluster.application(id)
            answered = time.monotonic()
        except ConfigurationError as error:
            hint = "a ResourceManager that keeps no state was started again"
            raise EnvironmentFailure.of(id, "the cluster no longer knows it", "an application", hint) from error
        except EnvironmentFailure:
            if time.monotonic() - answered > UNANSWERED_S:
                raise
            time.sleep(patience.pause_s)
            continue
        if app.outcome is not None:
            return app.outcome
        has_run = has_run or app.is_running
        now = _account(cluster, app)
        if now != told:
            tell(now)
            told = now
        _stop_late(cluster, app, time.monotonic() - begun, has_run, patience)
        time.sleep(patience.pause_s)


def _account(cluster: Cluster, app: Application) -> str:
    more = cluster.progress(app.id) if app.is_running else app.diagnostics
    return f"{app.state.lower()}{': ' if more else ''}{more}"


def _stop_late(cluster: Cluster, app: Application, waited: float, has_run: bool, patience: Patience) -> None:
    limit, word, key = (
        (patience.end_s, "ended", "submit.end_within_s")
        if has_run
        else (patience.start_s, "started", "submit.start_within_s")
    )
    if waited <= limit:
        return
    cluster.kill(app.id)
    found = f"not {word} after {waited:.0f} s, so it was killed: {app.state} {app.diagnostics}".strip()
    hint = f"look at {app.place}, or allow more in conf/<environment>/settings.yml: {key}"
    raise EnvironmentFailure.of(app.id, found, f"an application that has {word} within {limit:.0f} s", hint)

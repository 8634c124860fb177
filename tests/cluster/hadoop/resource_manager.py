"""What the resource manager knows of applications, nodes and queues."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aurify.errors import EnvironmentFailure
from tests.cluster.rest import get_json

ENDED = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True)
class Application:
    """An application as the resource manager tells it."""

    id: str
    name: str
    queue: str
    state: str
    final_status: str
    diagnostics: str

    @property
    def has_ended(self) -> bool:
        """Whether its state is one of the last."""
        return self.state in ENDED


@dataclass(frozen=True)
class Attempt:
    """One of the times that an application's first container was started."""

    id: str
    container: str
    state: str
    diagnostics: str


class ResourceManager:
    """The REST interface of a resource manager."""

    def __init__(self, address: str) -> None:
        self.url = f"http://{address}/ws/v1/cluster"

    def applications(self) -> list[Application]:
        """All that were submitted since it was started."""
        found = get_json(f"{self.url}/apps")["apps"] or {}
        return [_application(told) for told in found.get("app", [])]

    def application(self, application: str) -> Application:
        """One application by its id."""
        return _application(get_json(f"{self.url}/apps/{application}")["app"])

    def attempts(self, application: str) -> list[Attempt]:
        """The attempts of an application, the first one first."""
        url = f"{self.url}/apps/{application}/appattempts"
        names = sorted(told["appAttemptId"] for told in get_json(url)["appAttempts"]["appAttempt"])
        return [_attempt(get_json(f"{url}/{name}")) for name in names]  # the list has neither state nor diagnostics

    def wait_for(self, application: str, there: Callable[[Application], bool], within_s: float) -> Application:
        """The application as soon as it is as asked for; EnvironmentFailure if that takes too long."""
        until = time.monotonic() + within_s
        while not there(now := self.application(application)):
            if time.monotonic() > until:
                raise EnvironmentFailure.of(
                    application,
                    f"state {now.state}, final status {now.final_status} after {within_s:g} s: {now.diagnostics}",
                    "what the test waits for",
                    "read the logs of its containers, below the cluster's folder of logs",
                )
            time.sleep(0.2)
        return now

    def metrics(self) -> dict[str, Any]:
        """Counts of nodes, memory and applications."""
        found: dict[str, Any] = get_json(f"{self.url}/metrics")["clusterMetrics"]
        return found

    def running_nodes(self) -> list[str]:
        """The hosts that containers may be started on."""
        found = get_json(f"{self.url}/nodes")["nodes"] or {}
        return sorted(node["nodeHostName"] for node in found.get("node", []) if node["state"] == "RUNNING")

    def queues(self) -> list[str]:
        """The names of the queues that applications may be submitted to."""
        found = get_json(f"{self.url}/scheduler")["scheduler"]["schedulerInfo"]["queues"]["queue"]
        return sorted(queue["queueName"] for queue in found)


def _attempt(told: dict[str, Any]) -> Attempt:
    return Attempt(
        told["appAttemptId"],
        told.get("amContainerId") or "",
        told["appAttemptState"],
        told.get("diagnosticsInfo") or "",
    )


def _application(told: dict[str, Any]) -> Application:
    return Application(
        told["id"], told["name"], told["queue"], told["state"], told["finalStatus"], told.get("diagnostics") or ""
    )

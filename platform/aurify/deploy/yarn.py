"""YARN as the ResourceManager tells it over HTTP: applications, queues, nodes; their logs by Hadoop's own reader."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from getpass import getuser
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from aurify.deploy.application import Application, Outcome
from aurify.deploy.sizing import Node
from aurify.deploy.spark_account import SparkAccount
from aurify.deploy.submission import TAG
from aurify.deploy.yarn_logs import driver_log, gathered_logs
from aurify.errors import ConfigurationError, EnvironmentFailure

PATIENCE_S = 20.0
# Nodes gather the logs of an application after its end.
GATHERED_S = 40.0
MOST_SAID = 1200
# How Spark's application master tells what a Python program ended with.
_STATUS = re.compile(r"User application exited with (?:status )?(\d+)")
_ENDED = {"FINISHED", "FAILED", "KILLED"}
_HADOOP_SETTINGS = ("core-site.xml", "yarn-site.xml")


def hadoop_settings(folder: str | None) -> dict[str, str]:
    """The properties of a Hadoop configuration folder; ConfigurationError where it is none."""
    hint = "set HADOOP_CONF_DIR to the folder with the cluster's core-site.xml and yarn-site.xml"
    if not folder:
        raise ConfigurationError.of("HADOOP_CONF_DIR", "nothing", "a folder with Hadoop's configuration", hint)
    missing = [name for name in _HADOOP_SETTINGS if not Path(folder, name).is_file()]
    if missing:
        raise ConfigurationError.of("HADOOP_CONF_DIR", f"no {' and no '.join(missing)} in {folder}", "both", hint)
    found: dict[str, str] = {}
    for name in (*_HADOOP_SETTINGS, "hdfs-site.xml"):
        file = Path(folder, name)
        if not file.is_file():
            continue
        try:
            properties = ET.parse(file).getroot().iter("property")
        except ET.ParseError as error:
            raise ConfigurationError.of(str(file), str(error), "a configuration of Hadoop", hint) from error
        found.update({p.findtext("name", "").strip(): p.findtext("value", "").strip() for p in properties})
    return found


def resource_managers(settings: Mapping[str, str]) -> list[str]:
    """The HTTP addresses of the ResourceManagers, several where they are highly available."""
    secure = settings.get("yarn.http.policy", "HTTP_ONLY") == "HTTPS_ONLY"
    scheme, kind, port = ("https", "webapp.https", 8090) if secure else ("http", "webapp", 8088)
    ids = [name.strip() for name in settings.get("yarn.resourcemanager.ha.rm-ids", "").split(",") if name.strip()]
    found = []
    for end in [f".{name}" for name in ids] or [""]:
        host = settings.get(f"yarn.resourcemanager.hostname{end}", "0.0.0.0")
        address = settings.get(f"yarn.resourcemanager.{kind}.address{end}") or f"{host}:{port}"
        address = address.replace("${yarn.resourcemanager.hostname}", host)
        found.append(f"{scheme}://{address}")
    return found


def hadoop_user() -> str:
    """Who submits, as Hadoop names a user where nobody has to prove it."""
    return os.environ.get("HADOOP_USER_NAME") or getuser()


@dataclass(frozen=True)
class Queue:
    """A leaf queue of the scheduler. `largest_mb` is the largest container it grants, None where it has no limit."""

    name: str
    state: str
    used_percent: float
    largest_mb: int | None


class Yarn:
    """One YARN cluster; `recorded` tells the exit code that a submission wrote down, by its tag.

    EnvironmentFailure where no ResourceManager answers.
    """

    gathering_s = GATHERED_S

    def __init__(self, recorded: Callable[[str], int | None] = lambda tag: None) -> None:
        self._recorded = recorded
        self.settings = hadoop_settings(os.environ.get("HADOOP_CONF_DIR"))
        self.addresses = resource_managers(self.settings)
        self._opener = build_opener(ProxyHandler({}))
        self._user = hadoop_user()

    def ask(self, path: str, **query: str) -> Any:
        """The answer of the ResourceManager that is active, as JSON."""
        return json.loads(self._send("GET", path, query)[0])

    def clock(self) -> float:
        """The ResourceManager's time, in seconds since 1970."""
        _, headers = self._send("GET", "/ws/v1/cluster/info", {})
        return parsedate_to_datetime(headers["Date"]).timestamp()

    def _send(self, method: str, path: str, query: Mapping[str, str], body: Any = None) -> tuple[bytes, Any]:
        told = []
        for address in self.addresses:
            url = f"{address}{path}?{urlencode({**query, 'user.name': self._user})}"
            data = None if body is None else json.dumps(body).encode()
            headers = {"Accept": "application/json", "Content-Type": "application/json"}
            try:
                with self._opener.open(Request(url, data, headers, method=method), timeout=PATIENCE_S) as answer:
                    return answer.read(), answer.headers
            except HTTPError as error:
                if error.code in (400, 404):
                    raise LookupError(path) from error
                told.append(f"{address}: {error.code} {error.reason}")
            except (URLError, OSError, TimeoutError) as error:
                told.append(f"{address}: {getattr(error, 'reason', error)}")
        hint = "is the cluster up, and are yarn.resourcemanager.webapp.address and HADOOP_CONF_DIR those of it?"
        raise EnvironmentFailure.of("YARN", "; ".join(told), "a ResourceManager that answers", hint)

    def application(self, id: str) -> Application:
        """How an application stands; ConfigurationError where YARN knows none of this name."""
        try:
            told = self.ask(f"/ws/v1/cluster/apps/{id}")["app"]
        except LookupError:
            hint = "aurify apps list"
            raise ConfigurationError.of(id, "no such application", "one that YARN still knows", hint) from None
        return self._application(told)

    def applications(self, tag: str = TAG) -> list[Application]:
        """The applications with a tag, the newest first."""
        apps = (self.ask("/ws/v1/cluster/apps", applicationTags=tag).get("apps") or {}).get("app", [])
        return sorted((self._application(told) for told in apps), key=lambda app: app.started_ms, reverse=True)

    def kill(self, id: str) -> None:
        """End an application."""
        self._send("PUT", f"/ws/v1/cluster/apps/{id}/state", {}, {"state": "KILLED"})

    def queues(self) -> dict[str, Queue]:
        """The leaf queues by name; none where the scheduler is another than the CapacityScheduler."""
        info = self.ask("/ws/v1/cluster/scheduler")["scheduler"]["schedulerInfo"]
        return {queue.name: queue for queue in _leaves(info)} if info.get("type") == "capacityScheduler" else {}

    def setting(self, name: str) -> str | None:
        """A property as the ResourceManager itself holds it; None where it has none."""
        try:
            found: str = self.ask("/conf", format="json", name=name)["property"]["value"]
        except (LookupError, ValueError, EnvironmentFailure):
            return None
        return found

    def nodes(self) -> list[Node]:
        """What each node that is running gives."""
        nodes = (self.ask("/ws/v1/cluster/nodes", states="RUNNING").get("nodes") or {}).get("node", [])
        return [
            Node(
                int(node["usedMemoryMB"]) + int(node["availMemoryMB"]),
                int(node["usedVirtualCores"]) + int(node["availableVirtualCores"]),
            )
            for node in nodes
        ]

    def _spark(self, id: str) -> SparkAccount:
        """Spark's own account, through the proxy of its web page."""

        def ask(what: str) -> Any:
            path, _, query = what.partition("?")
            return self.ask(f"/proxy/{id}/api/v1/applications/{id}/{path}", **dict(parse_qsl(query)))

        return SparkAccount(ask)

    def progress(self, id: str) -> str:
        """How far its Spark jobs are."""
        return self._spark(id).progress()

    def waiting_tasks(self, id: str) -> int:
        """How many of its tasks wait while it has no executor."""
        return self._spark(id).waiting_tasks()

    def shortage(self, app: Application) -> str:
        """How full its queue is."""
        queue = self.queues().get(app.place.rpartition(" ")[2])
        return "" if queue is None else f"{queue.used_percent:.0f} % of the largest share of {app.place} in use"

    def logs(self, id: str) -> dict[str, str]:
        """What each container of an application wrote, once the nodes have gathered it: after its end."""
        return gathered_logs(id, self.application(id).owner)

    def driver_log(self, id: str) -> str:
        """What the driver wrote, once the nodes have gathered it; empty until then."""
        if self.setting("yarn.log-aggregation-enable") == "false":
            return "the log stays on the nodes: yarn.log-aggregation-enable is false on this cluster"
        return driver_log(self.logs(id))

    def _application(self, told: Mapping[str, Any]) -> Application:
        state, final = str(told["state"]), str(told["finalStatus"])
        diagnostics = " ".join(str(told.get("diagnostics") or "").split())
        outcome = self._outcome(told, state, final, diagnostics) if state in _ENDED else None
        return Application(
            id=str(told["id"]),
            name=str(told["name"]),
            state=state if outcome is None else final,
            started_ms=int(told["startedTime"]),
            ended_ms=int(told["finishedTime"]) or None,
            place=f"queue {told['queue']}",
            diagnostics=diagnostics,
            is_running=state == "RUNNING",
            outcome=outcome,
            owner=str(told.get("user", "")),
        )

    def _outcome(self, told: Mapping[str, Any], state: str, final: str, diagnostics: str) -> Outcome:
        """What the program ended with; where YARN ended it 3, the environment, and what YARN says of that."""
        tags = str(told.get("applicationTags", "")).split(",")
        ours = next((tag for tag in tags if tag.startswith(f"{TAG}-")), None)
        if state != "KILLED":
            code = None if ours is None else self._recorded(ours)
            if code is not None:
                return Outcome(code, "")
            status = _STATUS.findall(diagnostics)
            if status:
                return Outcome(int(status[-1]), "")
        if final == "SUCCEEDED":
            return Outcome(0, "") if ours is None else Outcome(3, "the program wrote down no end")
        return Outcome(3, diagnostics.partition(" Error file: ")[0][:MOST_SAID])


def _leaves(info: Mapping[str, Any]) -> list[Queue]:
    below = (info.get("queues") or {}).get("queue", [])
    if below:
        return [leaf for queue in below for leaf in _leaves(queue)]
    largest = info.get("maximumAllocation") or {}
    used = float(info.get("absoluteUsedCapacity", 0)) / max(float(info.get("absoluteMaxCapacity", 100)), 1e-9)
    return [
        Queue(
            str(info.get("queueName", "default")),
            str(info.get("state", "RUNNING")),
            min(used, 1.0) * 100,
            int(largest["memory"]) if "memory" in largest else None,
        )
    ]

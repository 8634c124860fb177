"""Applications on Kubernetes: each is its driver's pod, and goes by the name of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from aurify.deploy.application import Application, Outcome
from aurify.deploy.k8s.api import CORE, Api, Refused
from aurify.deploy.k8s.pod import ENDED, NEVER, ended_with, milliseconds, phase_of, waits_for
from aurify.deploy.sizing import Node
from aurify.deploy.spark_account import SparkAccount
from aurify.deploy.submission import TAG
from aurify.errors import ConfigurationError, EnvironmentFailure

OURS, SUBMISSION = TAG, f"{TAG}-submission"
SPARK_APPLICATION, ROLE = "spark-app-selector", "spark-role"
NAME = f"{TAG}-name"
MOST_SAID = 1200
UI_PORT = 4040
_KILLED = 137
# Where it copies the jars of the image to, on the driver's own output.
_OF_SPARK_SUBMIT = "Files local:///"
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|[KMGTP]i|[kMGTP])?")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15} | {
    f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTP", 1)
}


class Kubernetes:
    """The applications of one namespace; `recorded` tells the exit code that a submission wrote down, by its tag."""

    gathering_s = 0.0

    def __init__(self, api: Api, namespace: str, recorded: Callable[[str], int | None] = lambda tag: None) -> None:
        self.api, self.namespace, self._recorded = api, namespace, recorded

    def application(self, id: str) -> Application:
        """How an application stands; ConfigurationError where there is no such pod."""
        return self._application(self._pod(id))

    def applications(self, tag: str = TAG) -> list[Application]:
        """The applications that Aurify submitted, or those with a tag of one submission, the newest first."""
        label = OURS if tag == TAG else f"{SUBMISSION}={tag}"
        pods = self._may("list pods", lambda: self._pods(f"{label},{ROLE}=driver"))
        return sorted((self._application(pod) for pod in pods), key=lambda app: app.started_ms, reverse=True)

    def kill(self, id: str) -> None:
        """End an application: its driver's pod goes, and its executors with it."""
        self._may("delete pods", lambda: self.api.remove(self._path(f"pods/{quote(id)}")))

    def progress(self, id: str) -> str:
        """How far its Spark jobs are; empty where its page can't be read."""
        return self._account(id).progress()

    def waiting_tasks(self, id: str) -> int:
        """How many of its tasks wait while it has no executor."""
        return self._account(id).waiting_tasks()

    def shortage(self, app: Application) -> str:
        """What the first of its executors that does not run waits for."""
        own = self._pod(app.id)["metadata"].get("labels", {}).get(SPARK_APPLICATION)
        waiting = map(waits_for, self._pods(f"{SPARK_APPLICATION}={own},{ROLE}=executor")) if own else ()
        return next((": ".join(told) for told in waiting if any(told)), "")

    def _account(self, id: str) -> SparkAccount:
        """Spark's own account of it, through the API's proxy, which not everybody may use."""
        page = self._path(f"pods/{quote(id)}:{UI_PORT}/proxy/api/v1/applications")

        def ask(what: str) -> Any:
            try:
                (app,) = self.api.ask(page)
                return self.api.ask(f"{page}/{app['id']}/{what}")
            except Refused as error:
                raise LookupError(error.said) from error

        return SparkAccount(ask)

    def logs(self, id: str) -> dict[str, str]:
        """What the driver has written until now, and each executor that is still there, by the pod's name."""
        driver = self._pod(id)
        app = driver["metadata"].get("labels", {}).get(SPARK_APPLICATION)
        executors = self._pods(f"{SPARK_APPLICATION}={app},{ROLE}=executor") if app else []
        names = [id, *(str(pod["metadata"]["name"]) for pod in executors)]
        return {name: self._log(name) for name in names}

    def driver_log(self, id: str) -> str:
        """What the driver has written until now; empty where its container has not begun."""
        return "\n".join(line for line in self._log(id).splitlines() if not line.startswith(_OF_SPARK_SUBMIT))

    def nodes(self) -> list[Node]:
        """What each node that takes work gives; Refused where we may not look at nodes."""
        nodes = self.api.ask(f"{CORE}/nodes")["items"]
        free = [node["status"]["allocatable"] for node in nodes if not node["spec"].get("unschedulable")]
        return [Node(int(quantity(a["memory"]) / 1024**2), int(quantity(a["cpu"]))) for a in free]

    def _log(self, name: str) -> str:
        try:
            return self.api.text(self._path(f"pods/{quote(name)}/log"))
        except (LookupError, EnvironmentFailure):  # it has not begun
            return ""
        except Refused as error:
            return f"the log may not be read: {error.said}"

    def _pods(self, label: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.api.ask(self._path("pods"), labelSelector=label)["items"]
        return found

    def _pod(self, id: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._may("get pods", lambda: self.api.ask(self._path(f"pods/{quote(id)}")))
        except LookupError:
            found_text = f"no such pod in the namespace {self.namespace}"
            hint = "aurify apps list; a pod that was killed is gone"
            raise ConfigurationError.of(id, found_text, "the pod of a driver", hint) from None
        return found

    def _may(self, what: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Refused as error:
            hint = "conf/k8s/rbac.yml has the role that who submits needs"
            where = f"namespace {self.namespace}"
            raise EnvironmentFailure.of(where, error.said, f"to be allowed to {what}", hint) from error

    def _path(self, rest: str) -> str:
        return f"{CORE}/namespaces/{quote(self.namespace)}/{rest}"

    def _application(self, pod: Mapping[str, Any]) -> Application:
        phase, (reason, message) = phase_of(pod), waits_for(pod)
        about, ended = pod["metadata"], ended_with(pod)
        outcome = self._outcome(pod, ended) if phase in ENDED else None
        waiting = ": ".join(filter(None, (reason, message)))
        return Application(
            id=str(about["name"]),
            name=str(about.get("annotations", {}).get(NAME) or about["name"]),
            state=phase if outcome or not reason else reason,
            started_ms=milliseconds(about["creationTimestamp"]) or 0,
            ended_ms=milliseconds(ended.get("finishedAt")),
            place=f"namespace {self.namespace}",
            diagnostics=waiting[:MOST_SAID],
            is_running=phase == "Running",
            outcome=outcome,
            is_hopeless=reason in NEVER,
        )

    def _outcome(self, pod: Mapping[str, Any], ended: Mapping[str, Any]) -> Outcome:
        """What the program wrote down; where it could not 3, the environment, and what the container ended with."""
        labels = pod["metadata"].get("labels", {})
        for tag in filter(None, (labels.get(SUBMISSION), labels.get(SPARK_APPLICATION), pod["metadata"]["name"])):
            code = self._recorded(tag)
            if code is not None:
                return Outcome(code, "")
        said = " ".join(str(pod["status"].get("message") or ended.get("message") or "").split())
        told = f"{ended.get('reason', pod['status'].get('reason', 'no container'))}, exit {ended.get('exitCode', '?')}"
        if ended.get("reason") == "OOMKilled" or ended.get("exitCode") == _KILLED:
            limit = pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory", "its limit")
            told += f": more memory than {limit}; raise spark.driver.memory, or spark.driver.memoryOverhead for Python"
        return Outcome(3, f"the driver wrote down no end: {told} {said}".strip()[:MOST_SAID])


def quantity(text: str) -> float:
    """A quantity of Kubernetes, like 500m or 2Gi, as a number; ValueError where it is none."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return float(found[1]) * _UNITS[found[2] or ""]

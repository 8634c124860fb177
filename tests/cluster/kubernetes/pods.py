"""Pods that run to their end."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.kubectl import Kubectl

ENDS_WITHIN_S = 90


def output(kubectl: Kubectl, name: str, image: str, words: Sequence[str]) -> str:
    """What a pod prints that ends with 0."""
    kubectl("run", name, "--restart=Never", f"--image={image}", "--", *words)
    until, phase = time.monotonic() + ENDS_WITHIN_S, ""
    while phase != "Succeeded":
        if phase == "Failed" or time.monotonic() > until:
            found = kubectl("describe", "pod", name) + (kubectl("logs", name) if phase == "Failed" else "")
            raise EnvironmentFailure.of(f"pod {name}", found, "an end with 0")
        time.sleep(0.2)
        phase = pod(kubectl, name)["status"]["phase"]
    return kubectl("logs", name).strip()


def waits_for(kubectl: Kubectl, name: str) -> str:
    """Why the container of a pod does not run yet, empty where nothing is told."""
    (container,) = pod(kubectl, name)["status"].get("containerStatuses", [{}])
    return str(container.get("state", {}).get("waiting", {}).get("reason", ""))


def pod(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """A pod, as the API server tells of it."""
    found: dict[str, Any] = json.loads(kubectl("get", "pod", name, "-o", "json"))
    return found

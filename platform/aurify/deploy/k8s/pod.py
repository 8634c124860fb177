"""A driver's pod, as the API tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# What a container waits for that no time brings.
NEVER = (
    "CreateContainerConfigError", "ErrImageNeverPull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName",
)  # fmt: skip
ENDED = ("Succeeded", "Failed")


def phase_of(pod: Mapping[str, Any]) -> str:
    """Pending, Running, Succeeded or Failed."""
    return str(pod["status"].get("phase", "Pending"))


def waits_for(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Why its container does not run yet, as a reason and a message; empty where nothing is known."""
    for status in pod["status"].get("containerStatuses") or []:
        waiting = status.get("state", {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", "")), " ".join(str(waiting.get("message", "")).split())
    for condition in pod["status"].get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("reason", "")), str(condition.get("message", ""))
    return "", ""


def ended_with(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """How its container ended; nothing while it has not."""
    for status in pod["status"].get("containerStatuses") or []:
        ended: Mapping[str, Any] | None = status.get("state", {}).get("terminated")
        if ended:
            return ended
    return {}


def milliseconds(text: str | None) -> int | None:
    """A time of the API, in milliseconds since 1970."""
    return None if not text else int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)

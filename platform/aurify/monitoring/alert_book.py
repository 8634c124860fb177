"""The alerts that are open, who has acknowledged them, what was told of them where, and what could not be told yet.

All of it is files below one folder. A notice is written to the outbox of its sinks before any is asked, and goes from
there into the receipts when the sink has taken it: a sink that is down delays nothing and loses nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from aurify.config.alerts import AlertSettings
from aurify.errors import ConfigurationError, did_you_mean
from aurify.monitoring.alert import SEVERITIES, Alert, Notice, rank
from aurify.monitoring.sinks import send
from aurify.storage import Storage


@dataclass(frozen=True)
class OpenAlert:
    """An alert from its first occasion to its last: how grave it is told, how often it was seen, who looks after it."""

    alert: Alert
    since: str
    severity: str
    seen: int
    told_at: str
    notices: int
    escalated_at: str = ""
    acknowledged_by: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> OpenAlert:
        """What `as_dict` gave."""
        return cls(**{**told, "alert": Alert(**told["alert"])})


class AlertBook:
    """The alerts of an environment, below a folder of their own."""

    def __init__(self, storage: Storage, folder: str, settings: AlertSettings) -> None:
        self._storage = storage
        self._folder = folder
        self._settings = settings

    def open_alerts(self) -> list[OpenAlert]:
        """Those that are open, the gravest first."""
        found = [self._read(f"open/{name}") for name in self._storage.names(f"{self._folder}/open")]
        alerts = [OpenAlert.of_dict(told) for told in found if told]
        return sorted(alerts, key=lambda told: (-rank(told.severity), told.since, told.alert.key))

    def seen(self, alerts: Iterable[Alert], clear: Iterable[str], now: datetime) -> list[Notice]:
        """Take in what was seen and, by key, what is no longer so; gives the notices that follow, each in its outboxes.

        An alert is told when it is new and when it grows graver; else, while nobody has acknowledged it, again after
        `repeat_after_hours`, and a degree graver after `escalate_after_hours`.
        """
        notices = [self._notice(alert, now) for alert in alerts]
        for key in clear:
            held = self._read(_open(key))
            if held:
                self._write(f"closed/{_name(key)} {now:%Y%m%dT%H%M%S}.json", {**held, "closed_at": _text(now)})
                self._storage.remove(f"{self._folder}/{_open(key)}")
        return [notice for notice in notices if notice is not None]

    def acknowledge(self, key: str, by: str, reason: str) -> OpenAlert:
        """Note that a person looks after an alert: it is told again only if it grows graver."""
        held = self._read(_open(key))
        if not held:
            hint = did_you_mean(key, [told.alert.key for told in self.open_alerts()])
            raise ConfigurationError.of(f"alert {key}", "no such alert is open", "an open alert", hint)
        found = replace(OpenAlert.of_dict(held), acknowledged_by=by, reason=reason)
        self._write(_open(key), found.as_dict())
        return found

    def deliver(self, now: datetime) -> dict[str, list[str]]:
        """Send what is in the outboxes, and give what each sink did: receipts, or why it could not take a notice.

        A sink that fails is not asked for its other notices; they stay until it is asked the next time.
        """
        told: dict[str, list[str]] = {}
        for sink in self._storage.names(f"{self._folder}/outbox"):
            told[sink] = []
            for name in self._storage.names(f"{self._folder}/outbox/{sink}"):
                notice = Notice.of_dict(self._read(f"outbox/{sink}/{name}"))
                try:
                    receipt = send(self._settings.sink(sink), notice)
                except Exception as error:  # noqa: BLE001 - whatever a server does, the notice stays
                    told[sink].append(f"{notice.id}: not taken, {type(error).__name__}: {error}")
                    break
                self._write(f"receipts/{sink}/{name}", {"notice": notice.id, "at": _text(now), "receipt": receipt})
                self._storage.remove(f"{self._folder}/outbox/{sink}/{name}")
                told[sink].append(f"{notice.id}: {receipt}")
        return told

    def _notice(self, alert: Alert, now: datetime) -> Notice | None:
        """The notice that an alert leads to, if it does; the book knows of the alert afterwards."""
        held = self._read(_open(alert.key))
        if not held:
            return self._tell(OpenAlert(alert, _text(now), alert.severity, 1, "", 0), "new", now)
        known = OpenAlert.of_dict(held)
        if alert.occasion <= known.alert.occasion and alert.severity == known.alert.severity:
            return None
        found = replace(known, alert=alert, seen=known.seen + 1)
        if rank(alert.severity) > rank(known.severity):
            return self._tell(replace(found, severity=alert.severity, acknowledged_by="", reason=""), "graver", now)
        if known.acknowledged_by:
            self._write(_open(alert.key), found.as_dict())
            return None
        open_for, silent_for = now - _moment(known.escalated_at or known.since), now - _moment(known.told_at)
        hours = self._settings
        if open_for >= timedelta(hours=hours.escalate_after_hours) and rank(found.severity) < len(SEVERITIES):
            graver = SEVERITIES[rank(found.severity)]
            reason = f"nobody has acknowledged it for {hours.escalate_after_hours:g} hours"
            return self._tell(replace(found, severity=graver, escalated_at=_text(now)), reason, now)
        if silent_for >= timedelta(hours=hours.repeat_after_hours):
            return self._tell(found, f"seen {found.seen} times", now)
        self._write(_open(alert.key), found.as_dict())
        return None

    def _tell(self, known: OpenAlert, reason: str, now: datetime) -> Notice:
        """Put a notice into the outboxes first, then note it: a kill between tells it again under the same id."""
        text = f"{known.alert.key}\0{known.alert.occasion}\0{known.severity}\0{known.notices}"
        id = hashlib.sha256(text.encode()).hexdigest()[:16]
        notice = Notice(id, known.alert, known.severity, reason, known.since, _text(now))
        for sink in self._sinks(notice):
            if not self._storage.exists(f"{self._folder}/receipts/{sink}/{id}.json"):
                self._write(f"outbox/{sink}/{id}.json", notice.as_dict())
        told = replace(known, told_at=_text(now), notices=known.notices + 1)
        self._write(_open(known.alert.key), told.as_dict())
        return notice

    def _sinks(self, notice: Notice) -> list[str]:
        """The sinks of all rules that a notice meets, each once."""
        return list(
            dict.fromkeys(
                sink
                for rule in self._settings.rules
                if notice.severity in rule.severities
                and any(fnmatchcase(notice.alert.model, name) for name in rule.models)
                and any(fnmatchcase(notice.alert.column, name) for name in rule.columns)
                for sink in rule.sinks
            )
        )

    def _read(self, name: str) -> dict[str, Any]:
        content = self._storage.read(f"{self._folder}/{name}")
        found: dict[str, Any] = json.loads(content) if content else {}
        return found

    def _write(self, name: str, told: Mapping[str, Any]) -> None:
        self._storage.write(f"{self._folder}/{name}", json.dumps(told, indent=1).encode())


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _open(key: str) -> str:
    return f"open/{_name(key)}.json"


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

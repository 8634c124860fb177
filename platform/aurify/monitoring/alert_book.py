"""The alerts that are open, who has acknowledged them, what was told of them where, and what could not be told yet.

All of it is files below one folder. A notice is written to the outbox of its sinks before any is asked, and goes from
there into the receipts when the sink has taken it: a sink that is down delays nothing and loses nothing. What is open
of a model is one file, written after the outboxes: after a kill between them the same notice is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aurify.config.alerts import AlertRule, AlertSettings
from aurify.errors import ConfigurationError, did_you_mean
from aurify.monitoring.alert import Alert, Notice, Told, rank
from aurify.monitoring.open_alert import OpenAlert, stamp, weighed
from aurify.monitoring.sinks import send
from aurify.storage import Storage


class AlertBook:
    """The alerts of an environment, below a folder of their own."""

    def __init__(self, storage: Storage, folder: str, settings: AlertSettings) -> None:
        self._storage = storage
        self._folder = folder
        self._settings = settings

    def open_alerts(self, model: str | None = None) -> list[OpenAlert]:
        """Those that are open, of one model or all, the gravest first."""
        models = [name.removesuffix(".json") for name in self._storage.names(f"{self._folder}/open")]
        found = [told for name in models if model in (None, name) for told in self._open_of(name).values()]
        return sorted(found, key=lambda told: (-rank(told.severity), told.since, told.alert.key))

    def seen(self, alerts: Iterable[Alert], clear: Iterable[str], now: datetime) -> list[Notice]:
        """Take in what was seen and, by key, what is no longer so; gives the notices that follow, in their outboxes.

        What is told of a model at one time is one notice to each sink.
        """
        seen, gone = list(alerts), list(clear)
        models = sorted({alert.model for alert in seen} | {key.partition("/")[0] for key in gone})
        found: dict[str, Notice] = {}
        for model in models:
            own = [alert for alert in seen if alert.model == model]
            notices = self._seen_of(model, own, [key for key in gone if key.partition("/")[0] == model], now)
            found |= {notice.id: notice for notice in notices}
        return list(found.values())

    def acknowledge(self, key: str, by: str, reason: str) -> OpenAlert:
        """Note that a person looks after an alert: it is told again only if it grows graver."""
        held = self._open_of(key.partition("/")[0]).get(key)
        if held is None:
            hint = did_you_mean(key, [told.alert.key for told in self.open_alerts()])
            raise ConfigurationError.of(f"alert {key}", "no such alert is open", "an open alert", hint)
        self._write(_acknowledged(held), {"acknowledged_by": by, "reason": reason})
        return replace(held, acknowledged_by=by, reason=reason)

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
                self._write(f"receipts/{sink}/{name}", {"notice": notice.id, "at": stamp(now), "receipt": receipt})
                self._storage.remove(f"{self._folder}/outbox/{sink}/{name}")
                told[sink].append(f"{notice.id}: {receipt}")
        return told

    def waiting(self) -> dict[str, int]:
        """How many notices wait for each sink."""
        sinks = self._storage.names(f"{self._folder}/outbox")
        return {sink: len(self._storage.names(f"{self._folder}/outbox/{sink}")) for sink in sinks}

    def _seen_of(self, model: str, alerts: Sequence[Alert], clear: Iterable[str], now: datetime) -> list[Notice]:
        """The same of one model."""
        held = self._open_of(model)
        before, told = dict(held), dict[str, Told]()
        for alert in alerts:
            found, reason = weighed(held.get(alert.key), alert, now, self._settings)
            if reason is not None:
                told[_mark(found)] = Told(alert, found.severity, reason, found.since)
                found = found.told(now)
            held[alert.key] = found
        notices = self._put_out(model, told, now)
        for key in clear:
            gone = held.pop(key, None)
            if gone is not None:
                self._write(f"closed/{_name(key, gone.since)}.json", {**gone.as_dict(), "closed_at": stamp(now)})
        if held != before:
            self._write(f"open/{model}.json", {key: found.as_dict() for key, found in held.items()})
        return notices

    def _put_out(self, model: str, told: Mapping[str, Told], now: datetime) -> list[Notice]:
        """Write what each sink is told, by its mark, into its outbox, unless it has it already."""
        notices = []
        for sink in dict.fromkeys(sink for rule in self._settings.rules for sink in rule.sinks):
            rules = [rule for rule in self._settings.rules if sink in rule.sinks]
            own = {mark: one for mark, one in told.items() if any(_meets(rule, one) for rule in rules)}
            if not own:
                continue
            alerts = sorted(own.values(), key=lambda one: -rank(one.severity))
            notice = Notice(_name(*own), model, tuple(alerts), stamp(now))
            if not self._storage.exists(f"{self._folder}/receipts/{sink}/{notice.id}.json"):
                self._write(f"outbox/{sink}/{notice.id}.json", notice.as_dict())
            notices.append(notice)
        return notices

    def _open_of(self, model: str) -> dict[str, OpenAlert]:
        """The open alerts of a model by key, with who has acknowledged them."""
        found = {}
        for key, told in self._read(f"open/{model}.json").items():
            alert = OpenAlert.of_dict(told)
            found[key] = replace(alert, **self._read(_acknowledged(alert)))
        return found

    def _read(self, name: str) -> dict[str, Any]:
        content = self._storage.read(f"{self._folder}/{name}")
        found: dict[str, Any] = json.loads(content) if content else {}
        return found

    def _write(self, name: str, told: Mapping[str, Any]) -> None:
        self._storage.write(f"{self._folder}/{name}", json.dumps(told, indent=1).encode())


def _meets(rule: AlertRule, told: Told) -> bool:
    """Whether a rule is about an alert."""
    return told.severity in rule.severities and rule.is_about(told.alert.model, told.alert.column)


def _mark(alert: OpenAlert) -> str:
    """What tells one telling of an alert from any other."""
    return f"{alert.alert.key}\0{alert.alert.occasion}\0{alert.severity}\0{alert.notices}"


def _acknowledged(alert: OpenAlert) -> str:
    """Where it is kept that a person looks after an alert, as grave as it is: a file that nobody else writes."""
    return f"acknowledged/{_name(alert.alert.key, alert.since, alert.severity)}.json"


def _name(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

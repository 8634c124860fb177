"""Alerts are told once, again when that is due, and never lost: to real receivers, some of which are down."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import socket
from typing import Any

import pytest
from pydantic import ValidationError

from aurify.config.alerts import AlertRule, AlertSettings, SinkSettings
from aurify.config.yaml_file import model_problems
from aurify.errors import ConfigurationError
from aurify.monitoring.alert import Alert
from aurify.monitoring.alert_book import AlertBook
from aurify.storage import Storage

START = datetime(2026, 1, 5, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
AMOUNT = Alert("card_fraud", "amount", "orange", "its distribution moved by 0.2", "look at it", 1, {"rows": 500})


def book(folder: Path, *rules: AlertRule, **sinks: SinkSettings) -> AlertBook:
    settings = AlertSettings(sinks=sinks, rules=list(rules) or [AlertRule(sinks=list(sinks) or ["log"])])
    return AlertBook(Storage(), str(folder), settings)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])  # type: ignore[index]
    finally:
        server.shutdown()
        server.server_close()


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append(self.kept(body))  # type: ignore[attr-defined]
        self.send_response(202)
        self.end_headers()

    def kept(self, body: Any) -> tuple[str, Any]:
        """What is kept of it: by which key it would be known again."""
        return self.headers["Idempotency-Key"], body

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Mailbox(socketserver.StreamRequestHandler):
    """Takes mails as a mail server does."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        mail: list[str] = []
        reading = False
        for line in self.rfile:
            text = line.decode().rstrip("\r\n")
            if reading and text == ".":
                self.server.got.append("\n".join(mail))  # type: ignore[attr-defined]
                reading = False
                self.wfile.write(b"250 kept\r\n")
            elif reading:
                mail.append(text)
            elif text.upper() == "DATA":
                reading = True
                self.wfile.write(b"354 go on\r\n")
            elif text.upper() == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 ok\r\n")


@contextmanager
def receivers() -> Iterator[tuple[dict[str, SinkSettings], list[Any], list[str]]]:
    """A webhook and a mail server on this machine, and what they got."""
    hooks: Any = HTTPServer(("127.0.0.1", 0), Hook)
    mails: Any = socketserver.TCPServer(("127.0.0.1", 0), Mailbox)
    hooks.got, mails.got = [], []
    with serving(hooks) as hook, serving(mails) as mail:
        sinks = {
            "team": SinkSettings(kind="webhook", url=f"http://127.0.0.1:{hook}/alerts"),
            "mail": SinkSettings(
                kind="smtp", host="127.0.0.1", port=mail, sender="aurify@example.com", to=["fraud@example.com"]
            ),
        }
        yield sinks, hooks.got, mails.got


def nobody() -> SinkSettings:
    """A webhook where nobody listens."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        return SinkSettings(kind="webhook", url=f"http://127.0.0.1:{free.getsockname()[1]}/", timeout_s=1)


def test_a_new_alert_reaches_the_webhook_and_the_mailbox_with_a_receipt(tmp_path: Path) -> None:
    with receivers() as (sinks, hooks, mails):
        alerts = book(tmp_path, **sinks)
        (notice,) = alerts.seen([AMOUNT], [], START)
        told = alerts.deliver(START)
    assert told == {"mail": [f"{notice.id}: accepted for 1 of 1"], "team": [f"{notice.id}: HTTP 202"]}
    ((key, body),) = hooks
    assert (key, body["id"], body["severity"]) == (notice.id, notice.id, "orange")
    assert [told["alert"]["column"] for told in body["alerts"]] == ["amount"]
    assert f"Message-ID: <{notice.id}@aurify>" in mails[0]
    assert "Subject: [orange] card_fraud: amount, new" in mails[0]
    assert "next: look at it" in mails[0]
    receipt = json.loads((tmp_path / "receipts" / "team" / f"{notice.id}.json").read_text(encoding="utf-8"))
    assert (receipt["notice"], receipt["receipt"]) == (notice.id, "HTTP 202")


def test_the_log_takes_alerts_where_nothing_is_declared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alerts = AlertBook(Storage(), str(tmp_path), AlertSettings())
    alerts.seen([AMOUNT], [], START)
    with caplog.at_level(logging.WARNING, logger="aurify.alerts"):
        alerts.deliver(START)
    assert "card_fraud: [orange] amount, new: its distribution moved by 0.2; next: look at it" in caplog.text


def test_a_sink_that_is_down_holds_up_nobody_and_loses_nothing(tmp_path: Path) -> None:
    with receivers() as (sinks, hooks, mails):
        down = book(tmp_path, **{**sinks, "team": nobody()})
        down.seen([AMOUNT, replace(AMOUNT, column="count")], [], START)
        told = down.deliver(START)
        assert "not taken" in told["team"][0]
        down.seen([replace(AMOUNT, model="sales")], [], START)
        told = down.deliver(START)
        assert (len(told["team"]), len(mails), hooks) == (1, 2, []), "it is asked once, the others have theirs"
        assert down.waiting() == {"mail": 0, "team": 2}
        up = book(tmp_path, **sinks)
        up.deliver(START + HOUR)
        assert sorted(body["model"] for _, body in hooks) == ["card_fraud", "sales"]
        assert len(mails) == 2
        assert up.deliver(START + HOUR) == {"mail": [], "team": []}


def test_what_a_batch_raised_is_one_notice_the_gravest_first(tmp_path: Path) -> None:
    with receivers() as (sinks, hooks, mails):
        alerts = book(tmp_path, **sinks)
        (notice,) = alerts.seen([AMOUNT, replace(AMOUNT, column="count", severity="red")], [], START)
        alerts.deliver(START)
    assert notice.subject == "[red] card_fraud: 2 alerts, count, amount"
    assert [told["severity"] for told in hooks[0][1]["alerts"]] == ["red", "orange"]
    assert len(hooks) == len(mails) == 1


def test_the_same_alert_is_told_once_and_again_when_that_is_due(tmp_path: Path) -> None:
    alerts = book(tmp_path)
    assert len(alerts.seen([AMOUNT], [], START)) == 1
    assert alerts.seen([AMOUNT], [], START) == [], "the same occasion"
    assert alerts.seen([replace(AMOUNT, occasion=2)], [], START + HOUR) == []
    (again,) = alerts.seen([replace(AMOUNT, occasion=3)], [], START + 25 * HOUR)
    assert again.alerts[0].reason == "seen 3 times"
    (open_alert,) = alerts.open_alerts()
    assert (open_alert.seen, open_alert.notices, open_alert.since) == (3, 2, "2026-01-05T00:00:00+00:00")


def test_an_alert_that_grows_graver_is_told_at_once_though_somebody_looks_after_it(tmp_path: Path) -> None:
    alerts = book(tmp_path)
    alerts.seen([AMOUNT], [], START)
    alerts.acknowledge(AMOUNT.key, "kim", "a sale until Sunday")
    assert alerts.seen([replace(AMOUNT, occasion=2)], [], START + 100 * HOUR) == [], "acknowledged: not told again"
    (graver,) = alerts.seen([replace(AMOUNT, occasion=3, severity="red")], [], START + 101 * HOUR)
    assert (graver.severity, graver.alerts[0].reason) == ("red", "graver")
    assert alerts.open_alerts()[0].acknowledged_by == ""


def test_an_alert_that_nobody_acknowledges_grows_a_degree_graver(tmp_path: Path) -> None:
    alerts = book(tmp_path)
    alerts.seen([replace(AMOUNT, severity="yellow")], [], START)
    told = [
        (notice.severity, notice.alerts[0].reason)
        for day in range(1, 9)
        for notice in alerts.seen([replace(AMOUNT, severity="yellow", occasion=1 + day)], [], START + day * 24 * HOUR)
    ]
    assert [severity for severity, _ in told] == ["yellow", "yellow", "orange", "orange", "orange", "red", "red", "red"]
    assert "nobody has acknowledged it for 72 hours" in told[2][1]


def test_an_alert_that_is_over_is_closed_and_a_new_one_is_told_again(tmp_path: Path) -> None:
    alerts = book(tmp_path)
    (first,) = alerts.seen([AMOUNT], [], START)
    assert alerts.seen([], [AMOUNT.key, "card_fraud/other"], START + HOUR) == []
    assert alerts.open_alerts() == []
    assert len(list((tmp_path / "closed").iterdir())) == 1
    (second,) = alerts.seen([replace(AMOUNT, occasion=2)], [], START + 2 * HOUR)
    assert second.id != first.id


def test_a_kill_between_outbox_and_book_tells_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receivers() as (sinks, hooks, mails):
        alerts = book(tmp_path, **sinks)
        write = Storage.write

        def killed(self: Storage, path: str, content: bytes) -> None:
            if "/open/" in path:
                raise KeyboardInterrupt
            write(self, path, content)

        with monkeypatch.context() as patched:
            patched.setattr(Storage, "write", killed)
            with pytest.raises(KeyboardInterrupt):
                alerts.seen([AMOUNT], [], START)
        alerts.deliver(START)
        alerts.seen([AMOUNT], [], START + HOUR)
        alerts.deliver(START + HOUR)
    assert (len(hooks), len(mails)) == (1, 1)


def test_rules_say_which_alerts_go_where(tmp_path: Path) -> None:
    team, night = (
        AlertRule(sinks=["team"], models=["card_*"], columns=["amount"]),
        AlertRule(sinks=["mail"], severities=["red"]),
    )
    alerts = book(tmp_path, team, night, team=nobody(), mail=nobody())
    alerts.seen([AMOUNT, replace(AMOUNT, column="count"), replace(AMOUNT, model="sales", severity="red")], [], START)
    waiting = {sink.name: len(list(sink.iterdir())) for sink in (tmp_path / "outbox").iterdir()}
    assert waiting == {"team": 1, "mail": 1}


def test_what_does_not_fit_together_is_told() -> None:
    with pytest.raises(ValidationError, match="team is none of log"):
        AlertSettings(rules=[AlertRule(sinks=["team"])])
    with pytest.raises(ValidationError, match="url for a webhook"):
        SinkSettings(kind="webhook")
    with pytest.raises(ValidationError, match="host, to for a smtp"):
        SinkSettings(kind="smtp", sender="a@b.c")


def test_an_address_is_not_repeated_in_an_error(tmp_path: Path) -> None:
    secret = {"kind": "smtp", "url": "https://chat.example/hook/s3cr3t"}
    with pytest.raises(ValidationError) as told:
        AlertSettings.model_validate({"sinks": {"team": secret}})
    (problem,) = model_problems(told.value, AlertSettings, lambda keys: "settings.yml")
    assert "host, sender, to for a smtp" in f"{problem.expected} {problem.hint}"
    assert "s3cr3t" not in str(problem)


def test_an_alert_that_is_not_open_can_t_be_acknowledged(tmp_path: Path) -> None:
    alerts = book(tmp_path)
    alerts.seen([AMOUNT], [], START)
    with pytest.raises(ConfigurationError, match="card_fraud/amount"):
        alerts.acknowledge("card_fraud/amounts", "kim", "")

"""Where notices go: the log, a webhook, a mail server; each has little time to take one."""

from __future__ import annotations

import json
import logging
import smtplib
import urllib.request
from email.message import EmailMessage
from email.utils import formatdate

from aurify.config.alerts import SinkSettings
from aurify.monitoring.alert import Notice

log = logging.getLogger("aurify.alerts")


def send(sink: SinkSettings, notice: Notice) -> str:
    """Send a notice, and give the receipt; raises what kept it from being taken."""
    return {"log": _to_log, "webhook": _to_webhook, "smtp": _to_mail}[sink.kind](sink, notice)


def _to_log(sink: SinkSettings, notice: Notice) -> str:
    for told in notice.alerts:
        log.warning("%s: %s", notice.model, told.line)
    return "logged"


def _to_webhook(sink: SinkSettings, notice: Notice) -> str:
    body = json.dumps({"text": notice.text, **notice.as_dict()}).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id}
    request = urllib.request.Request(str(sink.url), body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=sink.timeout_s) as answer:
        return f"HTTP {answer.status}"


def _to_mail(sink: SinkSettings, notice: Notice) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = str(sink.sender), ", ".join(sink.to), notice.subject
    mail["Message-ID"], mail["Date"] = f"<{notice.id}@aurify>", formatdate()
    mail.set_content(notice.text)
    with smtplib.SMTP(str(sink.host), sink.port, timeout=sink.timeout_s) as server:
        refused = server.send_message(mail)
    return f"accepted for {len(sink.to) - len(refused)} of {len(sink.to)}"

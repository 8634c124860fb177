"""The places of tables and sources: reached from here, shared by all machines, and safe to commit on."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

from aurify.config.settings import Settings
from aurify.deploy.preflight.clock import MOST_SKEW_S
from aurify.deploy.preflight.finding import Finding, bad
from aurify.storage import Storage, is_local, is_on_s3, scheme_of


def places(settings: Settings) -> list[Finding]:
    """Every place of the settings is one that all machines of a cluster see."""
    named = dict(settings.places)
    if settings.submit.files:
        named["submit.files"] = settings.submit.files
    hint = f"name it in conf/{settings.env}/settings.yml, like hdfs://namenode:8020/lake"
    return [
        bad(
            f"settings: {key}", f"{path}, a path of this machine", "a URI that all machines read", hint, is_setting=True
        )
        for key, path in named.items()
        if is_local(path)
    ]


def shipped_files(folder: str) -> list[Finding]:
    """The folder that YARN's nodes fetch the files of a submission from."""
    if not is_on_s3(folder):
        return []
    expected = "nodes and a spark-submit with a client of S3 of their own, as on EMR"
    hint = "or name a folder on HDFS: submit.files, AURIFY_FILES=hdfs://namenode:8020/aurify"
    return [Finding("files of a submission", f"{folder}, which YARN's nodes fetch", "warning", expected, hint)]


def sources(storage: Storage, place: str) -> list[Finding]:
    """The folder of the sources answers, also where it is in another store than the tables."""
    if storage.exists(place):
        return [Finding("sources", f"{place} answers")]
    hint = "look at sources in the settings"
    return [Finding("sources", f"nothing is at {place}", "warning", "the folders that files arrive in", hint)]


def commits(storage: Storage, warehouse: str) -> list[Finding]:
    """A file is created once and only once below the warehouse, and its time is near to ours.

    Two creations of one name must not both succeed: leases, batch logs and commits rest on it.
    """
    probe = f"{warehouse}/_aurify/probe-{uuid4().hex}"
    kind = scheme_of(warehouse)
    first = storage.create(probe, b"first")
    try:
        second = storage.create(probe, b"second")
        held, seen = storage.read(probe), storage.stat(probe)
    finally:
        with suppress(OSError):
            storage.remove(probe)
    if not first or second or held != b"first":
        found = f"a file of {kind} could be created twice under one name"
        hint = "a store with conditional PUT (If-None-Match), or HDFS; two drivers would lose each other's commits here"
        return [bad("commits", found, "the second creation refused", hint)]
    good = Finding("commits", f"{warehouse}: written, read, and created once only")
    skew = abs(seen.modified_ms / 1000 - time.time()) if seen else 0.0
    if skew > MOST_SKEW_S:
        text = f"{skew:.0f} s between {kind} and here"
        return [good, bad("clock of the storage", text, f"{MOST_SKEW_S:.0f} s at most", "set the time on both (NTP)")]
    return [good]

"""What submissions to every kind of cluster share: how they are made, and where they leave their traces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from aurify.config.settings import Settings
from aurify.session.s3a import ADDRESS, reads_s3

TAG = "aurify"
# What Spark shows to nobody, in its page and its event log.
REDACTED = "(?i)secret|passw|pwd|passphrase|token|credential|(access|api|private|account|encryption)[._]?key"


@dataclass(frozen=True)
class How:
    """Where the driver runs, settings of Spark for this submission alone, and the tag that it is found by."""

    mode: str
    conf: Mapping[str, str]
    tag: str


def ended_record(folder: str, tag: str) -> str:
    """Where a submission writes down what it ended with."""
    return f"{folder}/ended/{tag}"


def events_folder(folder: str) -> str:
    """Where applications leave what a history server shows of them."""
    return f"{folder}/events"


def forwarded_variables(settings: Settings) -> dict[str, str]:
    """The variables that the settings refer to, as they are here: the driver reads the same files there.

    With tables or sources on S3 also where that is; its keys are given to drivers by their cluster.
    """
    names = settings.variables | (set(ADDRESS) if reads_s3(settings.places.values()) else set())
    return {name: os.environ[name] for name in sorted(names) if name in os.environ}

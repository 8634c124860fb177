"""What the settings say of alerts: where they are sent, and which of them where."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, model_validator

from aurify.config.yaml_file import Strict

Severity = Literal["yellow", "orange", "red"]
Least = Annotated[float, Field(ge=0, le=1)]
LIMITS = ("distance", "shift", "missing", "unseen", "loss")


class SinkSettings(Strict):
    """Where alerts are sent: the log, a URL that takes JSON by POST, or a mail server."""

    kind: Literal["log", "webhook", "smtp"]
    url: str | None = Field(default=None, pattern=r"^https?://", description="a URL, like https://chat.example/hook")
    host: str | None = Field(default=None, min_length=1, description="the mail server")
    port: int = Field(default=25, ge=1, le=65535)
    sender: str | None = Field(default=None, min_length=3, description="an address that the mails come from")
    to: list[str] = Field(default_factory=list, description="addresses that the mails go to")
    timeout_s: float = Field(default=5, gt=0, le=60)

    @model_validator(mode="after")
    def _has_all(self) -> SinkSettings:
        needed = {"webhook": ("url",), "smtp": ("host", "sender", "to"), "log": ()}[self.kind]
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"{', '.join(missing)} for a {self.kind}")
        return self


class OfColumns(Strict):
    """What a rule is about: models and columns, whose names may have * and ?."""

    models: list[str] = Field(default_factory=lambda: ["*"], min_length=1)
    columns: list[str] = Field(default_factory=lambda: ["*"], min_length=1)

    def is_about(self, model: str, column: str) -> bool:
        """Whether it is about a column of a model."""
        is_of_model = any(fnmatchcase(model, name) for name in self.models)
        return is_of_model and any(fnmatchcase(column, name) for name in self.columns)


class AlertRule(OfColumns):
    """Which alerts go to which sinks: by severity, model and column."""

    severities: list[Severity] = Field(default=["yellow", "orange", "red"], min_length=1)
    sinks: list[str] = Field(min_length=1, description="names of sinks; log is always there")


class LimitRule(OfColumns):
    """What the columns of some models must differ by to be told, by severity; a column that is `silent` never is.

    What is not said stays as it is; of several rules the last counts. `loss` is the share that
    a model's metric, a column of its own, loses of what it was on the test.
    """

    silent: bool = False
    distance: dict[Severity, Least] | None = None
    shift: dict[Severity, Least] | None = None
    missing: dict[Severity, Least] | None = None
    unseen: dict[Severity, Least] | None = None
    loss: dict[Severity, Least] | None = None

    @property
    def least(self) -> dict[str, Mapping[str, float]]:
        """What the rule says of each question."""
        return {name: told for name in LIMITS if (told := getattr(self, name)) is not None}


class AlertSettings(Strict):
    """Sinks, rules, and how long an alert that nobody has acknowledged is left alone; without a rule all are logged."""

    sinks: dict[str, SinkSettings] = Field(default_factory=dict)
    rules: list[AlertRule] = Field(default_factory=lambda: [AlertRule(sinks=["log"])])
    limits: list[LimitRule] = Field(default_factory=list)
    false_alarms: float = Field(default=0.01, gt=0, le=0.5, description="a chance, over all columns of a batch")
    repeat_after_hours: float = Field(default=24, gt=0)
    escalate_after_hours: float = Field(default=72, gt=0)

    @model_validator(mode="after")
    def _sinks_are_there(self) -> AlertSettings:
        known = {"log", *self.sinks}
        unknown = sorted({name for rule in self.rules for name in rule.sinks} - known)
        if unknown:
            there = ", ".join(sorted(known))
            raise ValueError(f"sinks that are declared in its rules: {', '.join(unknown)} is none of {there}")
        return self

    def limits_of(self, model: str, column: str) -> dict[str, Mapping[str, float]] | None:
        """What the settings change of the limits of a column; None where it is silent."""
        found: dict[str, Mapping[str, float]] | None = {}
        for rule in self.limits:
            if rule.is_about(model, column):
                found = None if rule.silent else {**(found or {}), **rule.least}
        return found

    def sink(self, name: str) -> SinkSettings:
        """The settings of a sink by name."""
        return self.sinks.get(name) or SinkSettings(kind="log")

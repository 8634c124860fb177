"""The line of spark-submit: what it says is decided here, and nothing of it is run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aurify.config.references import holds_secret

MASK = "***"


@dataclass(frozen=True)
class SparkSubmit:
    """One submission: where to, what with, which program. `environment` is that of the submitting process."""

    program: str
    arguments: tuple[str, ...]
    master: str
    deploy_mode: str
    name: str
    conf: Mapping[str, str]
    py_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def secret_conf(self) -> dict[str, str]:
        """The settings that nobody may read on a command line."""
        return {key: value for key, value in self.conf.items() if holds_secret(key, value)}

    def argv(self, spark_home: Path, secrets_file: Path | None) -> list[str]:
        """The command; what is secret is left to the file of properties."""
        return [str(spark_home / "bin" / "spark-submit"), *self._words(secrets_file)]

    def shown(self) -> str:
        """The command for people, one option a line, secrets masked."""
        secret = [("--conf", f"{key}={MASK}") for key in sorted(self.secret_conf)]
        lines = [" ".join(map(shlex.quote, pair)) for pair in [*self._pairs(), *secret]]
        before = [f"{key}={shlex.quote(value)}" for key, value in sorted(self.environment.items())]
        last = " ".join(map(shlex.quote, [self.program, *self.arguments]))
        return " \\\n  ".join([*before, "spark-submit", *lines, last])

    def _words(self, secrets_file: Path | None) -> Sequence[str]:
        properties = ["--properties-file", str(secrets_file)] if secrets_file else []
        return [*properties, *(word for pair in self._pairs() for word in pair), self.program, *self.arguments]

    def _pairs(self) -> list[tuple[str, str]]:
        lists = {"--py-files": self.py_files, "--files": self.files, "--archives": self.archives, "--jars": self.jars}
        return [
            ("--master", self.master),
            ("--deploy-mode", self.deploy_mode),
            ("--name", self.name),
            *((option, ",".join(values)) for option, values in lists.items() if values),
            *(("--conf", f"{key}={self.conf[key]}") for key in sorted(self.conf) if key not in self.secret_conf),
        ]

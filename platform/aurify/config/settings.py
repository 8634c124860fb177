"""Settings of one environment: conf/base/settings.yml, complete, and the overlay that differs from it."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, field_validator, model_validator

from aurify.config.alerts import AlertSettings
from aurify.config.references import expand, literal_secrets, referred
from aurify.config.yaml_file import Keys, Strict, dotted, model_problems, read_yaml
from aurify.errors import ConfigurationError, Problem, did_you_mean

BASE_FILE = "conf/base/settings.yml"


def _conf_text(value: object) -> object:
    """Spark's way to write a value: YAML's true is `true`, a number its digits."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else value


class SparkSettings(Strict):
    """How the session is started."""

    master: str = Field(min_length=1, description="a Spark master, like local[4] or yarn")
    driver_memory: str = Field(pattern=r"^\d+[kmgtKMGT]$", description="a size, like 2g")
    conf: dict[str, Annotated[str, BeforeValidator(_conf_text)]] = Field(default_factory=dict, repr=False)

    @property
    def submitted(self) -> dict[str, str]:
        """The settings of Spark that a submission starts from."""
        return {"spark.driver.memory": self.driver_memory, **self.conf}


class Names(Strict):
    """How logical names become physical ones."""

    prefix: str = Field(default="", pattern=r"^[a-z0-9_]*$", description="lower_snake letters, like anna_")


# What of a URI delta-rs takes for something else than a character of a name.
_ODD = {"hdfs": r"[^A-Za-z0-9._~:/@=+,-]", "s3": r"[%?#|^\[\]\\]"}


def _plain_uri(value: str) -> str:
    """Refuse a place whose name a URI escapes: on HDFS delta-rs writes below `a%20b`, and looks for `a b`."""
    store = {"hdfs": "hdfs", "s3": "s3", "s3a": "s3"}.get(value.partition(":")[0])
    odd = sorted(set(re.findall(_ODD[store], value))) if store else []
    if odd:
        hint = {"hdfs": "on HDFS letters, digits and -._~=+,@ alone", "s3": "a URI on S3 has them escaped"}[str(store)]
        raise ValueError(f"without {' '.join(map(repr, odd))}: {hint}")
    return value


TablesUri = Annotated[str, AfterValidator(_plain_uri)]


class TablePlace(Strict):
    """Where one table lies, if not under the warehouse."""

    path: TablesUri = Field(min_length=1, description="a path or URI")


class Lease(Strict):
    """How a driver holds a table: it beats, and whoever finds no beat for long enough may take over."""

    heartbeat_s: float = Field(default=10, gt=0)
    void_after_s: float = Field(default=60, gt=0)

    @model_validator(mode="after")
    def _beats_before_void(self) -> Lease:
        if self.void_after_s <= self.heartbeat_s:
            raise ValueError("void_after_s above heartbeat_s, or a living run loses its lease")
        return self


def _named(value: object) -> object:
    """A variable with an empty default is no value."""
    return None if value == "" else value


class MlflowSettings(Strict):
    """Where runs and models are kept; without a value in a SQLite file and a folder below the warehouse."""

    tracking: Annotated[str | None, BeforeValidator(_named)] = Field(
        default=None, min_length=1, description="a URI, like http://mlflow.example:5000"
    )
    artifacts: str | None = Field(default=None, min_length=1, description="a path or URI for new experiments")
    search: str | None = Field(default=None, min_length=1, description="a folder, or a database's URL, for trials")


class SubmitSettings(Strict):
    """How work is submitted to a cluster."""

    mode: Literal["client", "cluster"] = Field(default="cluster", description="where the driver runs")
    files: Annotated[str | None, BeforeValidator(_named)] = Field(
        default=None, min_length=1, description="a folder that the cluster reads, as a URI"
    )
    start_within_s: float = Field(default=600, gt=0, description="seconds until an application must run")
    end_within_s: float = Field(default=86_400, gt=0, description="seconds until an application must have ended")


class ImageSettings(Strict):
    """The container image of a package: what it stands on, and the repository that it is pushed to."""

    repository: Annotated[str | None, BeforeValidator(_named)] = Field(
        default=None, pattern=r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+$", description="like registry.example/team/aurify"
    )
    base: str = Field(default="debian", min_length=1, description="debian, or the reference of an image with a Java")
    plain_http: bool = Field(default=False, description="whether the registry has no TLS")


class PackageSettings(Strict):
    """What `aurify package` makes the Python of a cluster, and the image of it, from."""

    lock: str = Field(default="requirements/run.lock", min_length=1, description="a file of name==version lines")
    image: ImageSettings = ImageSettings()


class SettingsFile(Strict):
    """The keys of a settings file."""

    warehouse: TablesUri = Field(min_length=1, description="the root of all tables, a path or URI")
    sources: str = Field(min_length=1, description="the root of the folders that files arrive in, a path or URI")
    spark: SparkSettings
    parallel: int = Field(ge=1, description="how many tables are refreshed at once, at least 1")
    business_time_zone: str = Field(description="a time zone, like Europe/London")
    names: Names = Names()
    tables: dict[str, TablePlace] = Field(default_factory=dict)
    lease: Lease = Lease()
    mlflow: MlflowSettings = MlflowSettings()
    alerts: AlertSettings = AlertSettings()
    submit: SubmitSettings = SubmitSettings()
    package: PackageSettings = PackageSettings()

    @field_validator("business_time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError):
            close = difflib.get_close_matches(value, available_timezones(), n=1)
            raise ValueError(f"did you mean '{close[0]}'?" if close else "a name of the IANA database") from None
        return value


class Settings(SettingsFile):
    """The settings of environment `env`; `warehouse`, `sources` and all paths are absolute."""

    env: str
    root: Path
    variables: frozenset[str] = frozenset()  # what its files refer to

    def path_of(self, table: str) -> str:
        """Where a table lies."""
        if table in self.tables:
            return self.tables[table].path
        layer, _, name = table.partition(".")
        return f"{self.warehouse}/{layer}/{self.names.prefix}{name}"

    def quarantine_path(self, table: str) -> str:
        """Where the quarantine of a table lies."""
        return f"{self.warehouse}/quarantine/{self.names.prefix}{table.replace('.', '_')}"

    def ledger_path(self, name: str) -> str:
        """Where a ledger (batches, rules, runs) lies."""
        return f"{self.warehouse}/ledger/{self.names.prefix}{name}"

    @property
    def places(self) -> dict[str, str]:
        """The places of tables and sources, by the key that names each."""
        named = {f"tables.{name}.path": place.path for name, place in self.tables.items()}
        return {"warehouse": self.warehouse, "sources": self.sources, **named}

    @property
    def source_root(self) -> str:
        """The folder that the paths of `folder(...)` are relative to."""
        return self.sources


def environments(root: Path) -> list[str]:
    """The names of the overlays there are."""
    return sorted(file.parent.name for file in root.glob("conf/*/settings.yml") if file.parent.name != "base")


def read_settings(root: Path, env: str) -> tuple[Settings | None, list[Problem]]:
    """The settings, None where they are wrong, and every problem of both files."""
    base, problems = _read_file(root, BASE_FILE)
    overlay_file, overlay = f"conf/{env}/settings.yml", dict[str, object]()
    if env in (known := environments(root)):
        overlay, found = _read_file(root, overlay_file)
        problems += found
    else:
        expected = f"one of {', '.join(known)}" if known else "conf/<environment>/settings.yml"
        problems.append(Problem("conf", f"the environment '{env}'", expected, did_you_mean(env, known), "env"))
    if not base and problems:
        return None, problems

    def where(keys: Keys) -> str:
        new_above = _has(overlay, keys[:-1]) and not _has(base, keys[:-1])
        return overlay_file if new_above or _has(overlay, keys) else BASE_FILE

    unresolved: list[tuple[Keys, str]] = []
    data = expand(_merged(base, overlay), os.environ, unresolved)
    for keys, text in unresolved:
        hint = "set it, or give a default: ${NAME:-default}"
        problems.append(Problem(where(keys), text, "a variable that is set", hint, dotted(keys)))
    try:
        valid = SettingsFile.model_validate(data)
    except ValidationError as error:
        told = {dotted(keys) for keys, _ in unresolved}
        return None, problems + [p for p in model_problems(error, SettingsFile, where) if p.key not in told]
    return (None if problems else _settled(valid, root, env, frozenset(referred(_merged(base, overlay))))), problems


def _read_file(root: Path, name: str) -> tuple[dict[str, object], list[Problem]]:
    data, problems = read_yaml(root / name, name)
    return data, problems + literal_secrets(data, name)


def file_of(keys: Keys, root: Path, env: str) -> str:
    """The settings file that a key of an environment stands in."""
    overlay = f"conf/{env}/settings.yml"
    return overlay if _has(read_yaml(root / overlay, overlay)[0], keys) else BASE_FILE


def load_settings(root: Path, env: str) -> Settings:
    """The settings of an environment; ConfigurationError names all that is wrong with their files."""
    settings, problems = read_settings(root, env)
    if settings is None:
        raise ConfigurationError(f"settings of '{env}'", problems)
    return settings


def _merged(base: object, overlay: object) -> object:
    if not (isinstance(base, Mapping) and isinstance(overlay, Mapping)):
        return overlay
    changed = {key: _merged(base[key], value) if key in base else value for key, value in overlay.items()}
    return {**base, **changed}


def _has(data: object, keys: Keys) -> bool:
    for key in keys:
        if isinstance(data, list):  # it comes whole from one file
            return True
        if not isinstance(data, Mapping) or key not in data:
            return False
        data = data[key]
    return True


def _settled(valid: SettingsFile, root: Path, env: str, variables: frozenset[str]) -> Settings:
    """The settings with absolute paths."""

    def absolute(path: str) -> str:
        if path.startswith("file:/"):
            return os.path.normpath("/" + path[5:].lstrip("/"))
        return path.rstrip("/") if re.match(r"[a-z][a-z0-9+.-]+:/", path) else os.path.normpath(root / path)

    tables = {name: TablePlace(path=absolute(place.path)) for name, place in valid.tables.items()}
    paths = {"warehouse": absolute(valid.warehouse), "sources": absolute(valid.sources), "tables": tables}
    return Settings(**{**dict(valid), **paths}, env=env, root=root, variables=variables)

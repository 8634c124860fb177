"""The lake: one environment's tables, opened by `aurify.connect`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.config.project import find_root
from aurify.config.settings import Settings
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.models.declare import ModelSpec
from aurify.models.registry import Registry
from aurify.publish.committer import refuse_late_commit
from aurify.publish.lease import Lease
from aurify.publish.ledger import BATCHES, RULES, RUNS, Ledger
from aurify.publish.read import read_version, without_tombstones
from aurify.publish.state import TableState
from aurify.publish.target import Handle, Target
from aurify.quality import Suite, empty_suite, load_suite, suite_file
from aurify.session import open_session, running_session, work_session
from aurify.storage import Storage
from aurify.tables.discovery import Definition, read_definition
from aurify.tables.inputs import target_of
from aurify.tables.references import reference_problems, references
from aurify.tables.spec import TableSpec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from aurify.monitoring.alert_book import AlertBook
    from aurify.workflows.maintain import MaintainReport
    from aurify.workflows.models import Comparison, VersionTold
    from aurify.workflows.monitor import MonitorReport
    from aurify.workflows.plan import Plan
    from aurify.workflows.report import RunReport
    from aurify.workflows.retrain import RetrainReport
    from aurify.workflows.train import TrainReport
    from aurify.workflows.training_set import TrainingSet


class Lake:
    """All tables of a project in one environment. Spark starts when it is first needed."""

    def __init__(self, definition: Definition, spark: SparkSession | None = None) -> None:
        self.definition = definition
        self.storage = Storage()
        self._spark = spark
        self._starting = threading.Lock()
        self._registered: dict[str, StructType] = {}

    @property
    def settings(self) -> Settings:
        """The settings of the environment."""
        return self.definition.settings

    @property
    def specs(self) -> Mapping[str, TableSpec]:
        """The tables by name."""
        return self.definition.specs

    @cached_property
    def targets(self) -> dict[str, Target]:
        """Every table as publication sees it."""
        where = self.settings
        return {n: target_of(s, where.path_of(n), where.quarantine_path(n)) for n, s in self.specs.items()}

    @cached_property
    def suites(self) -> dict[str, Suite]:
        """Every suite; SuiteError names all that is wrong in any of them."""
        own = self.definition.expectations
        found: dict[str, Suite] = {}
        problems: list[Problem] = []
        for name, spec in self.specs.items():
            path = self.suite_path(name)
            try:
                found[name] = load_suite(path, name, spec.schema, own) if path.exists() else empty_suite(name)
            except ConfigurationError as error:
                problems += error.problems
        if not problems:
            problems = reference_problems(found, self.specs)
        if problems:
            raise ConfigurationError("suites", problems, "nothing was run")
        return found

    @property
    def looks_into(self) -> Mapping[str, set[str]]:
        """The tables that the suite of each table names."""
        return {name: references(suite.rules) for name, suite in self.suites.items()}

    def suite_path(self, table: str) -> Path:
        """Where the suite of a table lies."""
        folder = self.definition.root / self.definition.project.suites
        return suite_file(folder, table)

    @property
    def session(self) -> SparkSession:
        """The session: the one that is there, else one of our own, started when it is first asked for."""
        with self._starting:
            if self._spark is None:
                settings, name = self.settings, f"aurify {self.definition.project.project}"
                self._spark = open_session(settings.spark, name, settings.warehouse, settings.places.values())
            return self._spark

    @property
    def spark(self) -> SparkSession:
        """The session, with every table that has rows under its name; a table that can't be read is told."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        session = self.session
        for name in self.specs:
            try:
                self.register(name)
            except (PySparkException, Py4JError) as error:
                said = str(getattr(error, "java_exception", error)).splitlines()[0]
                warnings.warn(f"{name} has no view, it can't be read: {said}", stacklevel=2)
        return session

    def work_session(self) -> SparkSession:
        """A session of its own for one table's work."""
        return work_session(self.session)

    @property
    def has_session(self) -> bool:
        """Whether Spark runs already."""
        return self._spark is not None

    def cancel(self) -> None:
        """End the Spark jobs that are running."""
        if self._spark is not None:
            self._spark.sparkContext.cancelAllJobs()

    def register(self, table: str) -> None:
        """Make a table readable by its name, once it has rows and Spark is running; tombstones stay hidden."""
        target, spark = self.target(table), self._spark
        handle = Handle.open(target.path)
        if spark is None or handle is None or self._registered.get(table) == handle.schema:
            return
        if handle.position == (0, 0):
            return
        layer, _, name = table.partition(".")
        columns = ", ".join(quoted(n) for n in target.schema.fieldNames() if n in handle.schema.fieldNames())
        hidden = " WHERE NOT coalesce(_deleted, false)" if target.mode == "upsert" else ""
        spark.sql(f"CREATE DATABASE IF NOT EXISTS {layer}")
        spark.sql(
            f"CREATE OR REPLACE VIEW {layer}.{self.settings.names.prefix}{name} AS "
            f"SELECT {columns} FROM delta.{quoted(target.path)}{hidden}"
        )
        self._registered[table] = handle.schema

    def spec(self, table: str) -> TableSpec:
        """The spec of a table; ConfigurationError where there is none."""
        if table not in self.specs:
            raise ConfigurationError.of(
                table, "no such table", "a table of the project", did_you_mean(table, self.specs)
            )
        return self.specs[table]

    def target(self, table: str) -> Target:
        """The table as publication sees it; ConfigurationError where there is none."""
        self.spec(table)
        return self.targets[table]

    def state(self, table: str) -> TableState:
        """Where the table stands now."""
        return TableState.read(self.target(table), self.storage)

    def lease(self, table: str, run: str, by_spark: bool = False) -> Lease:
        """The claim of a run on a table; `by_spark` where Spark commits to it whatever the table is."""
        beat, path = self.settings.lease, self.target(table).path
        on_lost = partial(refuse_late_commit, path, by_spark)
        return Lease(self.storage, path, run, beat.heartbeat_s, beat.void_after_s, on_lost)

    @cached_property
    def batches_ledger(self) -> Ledger:
        """What every batch did."""
        return Ledger(self.settings.ledger_path("batches"), BATCHES)

    @cached_property
    def rules_ledger(self) -> Ledger:
        """How every rule went, batch by batch."""
        return Ledger(self.settings.ledger_path("rules"), RULES)

    @cached_property
    def runs_ledger(self) -> Ledger:
        """Every run that had something to do."""
        return Ledger(self.settings.ledger_path("runs"), RUNS)

    @property
    def models(self) -> Mapping[str, ModelSpec]:
        """The models by name."""
        return self.definition.models

    def model(self, name: str) -> ModelSpec:
        """The spec of a model; ConfigurationError where there is none."""
        if name not in self.models:
            hint = did_you_mean(name, self.models)
            raise ConfigurationError.of(f"model {name}", "no such model", "a model of the project", hint)
        return self.models[name]

    @cached_property
    def registry(self) -> Registry:
        """The models that were trained; ConfigurationError where the default can't be kept where the driver runs."""
        where, own = self.settings.mlflow, self.settings.warehouse
        prefix, project = self.settings.names.prefix, self.definition.project.project
        if where.tracking is not None:
            return Registry(where.tracking, where.artifacts, project, prefix)
        conf = self.settings.spark.conf
        if "://" in own or conf.get("spark.submit.deployMode") == "cluster":
            found = f"none, with the warehouse {own}" if "://" in own else "none, with the driver on another machine"
            hint = "name one in the settings of the environment; the default is a file beside the driver"
            raise ConfigurationError.of("settings: mlflow.tracking", found, "an MLflow server", hint)
        artifacts = where.artifacts or f"{own}/mlflow/artifacts"
        return Registry(f"sqlite:///{own}/mlflow/mlflow.db", artifacts, project, prefix)

    @cached_property
    def alerts(self) -> AlertBook:
        """The alerts that are open, and what was told of them."""
        from aurify.monitoring.alert_book import AlertBook

        where = f"{self.settings.warehouse}/monitoring/{self.settings.names.prefix}_alerts"
        return AlertBook(self.storage, where, self.settings.alerts)

    def train(self, model: str, **more: Any) -> TrainReport:
        """Train a model, judge it, and make it champion if it passes its gate; `until` is the end of its test."""
        from aurify.workflows.train import train

        return train(self, model, **more)

    def score(self, model: str, **more: Any) -> RunReport:
        """Score a model's new rows by its champion; `more` are version, backfill, shadow, challenger and share."""
        from aurify.workflows.score import score

        return score(self, model, **more)

    def monitor(self, model: str, of: int | str = "champion") -> MonitorReport:
        """Look at the scored batches of a version that were not looked at yet, and at the labels that have come."""
        from aurify.workflows.monitor import monitor

        return monitor(self, model, of)

    def retrain(self, *models: str, if_needed: bool = False) -> RetrainReport:
        """Train models anew, all of them if none is named; only those whose alerts ask for it if so asked."""
        from aurify.workflows.retrain import retrain

        return retrain(self, models, if_needed=if_needed)

    def trained(self, model: str, of: int | str = "champion") -> VersionTold:
        """A version of a model by number or alias: its metrics, and all that it was made of."""
        from aurify.workflows.models import shown

        return shown(self, model, of)

    def compare(self, model: str, one: int | str, other: int | str) -> Comparison:
        """Two versions of a model on the test rows of the first."""
        from aurify.workflows.models import compared

        return compared(self, model, one, other)

    def card(self, model: str, of: int | str = "champion") -> str:
        """The card of a version as a page of HTML that needs nothing else."""
        from aurify.workflows.models import card

        return card(self, model, of)

    def read(self, table: str, version: int | None = None, session: SparkSession | None = None) -> DataFrame:
        """The rows of a table, as of now or a version of its Delta log, tombstones hidden."""
        return without_tombstones(read_version(session or self.session, self.handle(table, version)))

    def handle(self, table: str, version: int | None = None) -> Handle:
        """A table's Delta log as of now or a version; ConfigurationError where it has no rows yet."""
        handle = Handle.open(self.target(table).path, version)
        if handle is None or handle.position == (0, 0):
            model = self.spec(table).model
            hint = f"aurify score {model}" if model else f"aurify refresh +{table}"
            raise ConfigurationError.of(table, "it has no rows yet", "a table that was refreshed", hint)
        return handle

    def sql(self, query: str) -> DataFrame:
        """Ask the tables by their names."""
        return self.spark.sql(query)

    def refresh(self, *selection: str, full: bool = False) -> RunReport:
        """Bring the selected tables up to date, all of them if none is named."""
        from aurify.workflows.refresh import refresh

        return refresh(self, selection, full=full)

    def maintain(self, *selection: str, retain_hours: int = 168) -> MaintainReport:
        """Compact and vacuum the selected tables, all of them if none is named."""
        from aurify.workflows.maintain import MaintainReport, maintain

        return MaintainReport(maintain(self, selection, retain_hours=retain_hours))

    def plan(self, *selection: str) -> Plan:
        """What a refresh would do; writes nothing."""
        from aurify.workflows.plan import plan

        return plan(self, selection)

    def replay(self, table: str) -> RunReport:
        """Take the rows of quarantine that may pass now through the gate again."""
        from aurify.workflows.replay import replay

        return replay(self, table)

    def training_set(self, name: str, labels: str, views: Sequence[str], *, target: str, **more: Any) -> TrainingSet:
        """Labels with the features of some views at their time, as a Delta table that stays as it is.

        `time`, `between`, `known_at`, `known_by` and `tolerance` are those of `workflows.training_set`.
        """
        from aurify.workflows.training_set import training_set

        return training_set(self, name, labels, views, target=target, **more)

    def quarantine(self, table: str, pending: bool = False) -> DataFrame:
        """The rows of a table that failed, with their reasons; those whose batch is published, or the pending ones.

        `_state` is open, repaired, accepted or rejected; replayed or replaced where the row has passed.
        """
        from aurify.workflows.quarantine import quarantined

        return quarantined(self, table, pending=pending)


def connect(env: str = "local", project: str | Path | None = None, spark: SparkSession | None = None) -> Lake:
    """Open the lake of an environment. ConfigurationError names all that is wrong with the project."""
    lake = Lake(read_definition(find_root(project), env), spark or running_session())
    if lake.has_session:
        lake.spark  # noqa: B018 - in a notebook, every table is there by its name
    return lake


def selected(lake: Lake, selection: Sequence[str], *, scores: bool = False) -> list[str]:
    """The names that a selection means, in graph order; tables of scores only if they are asked for."""
    from aurify.tables.selection import select

    found = select(selection, lake.specs, lake.looks_into)
    named = [name for name in selection if name in lake.specs and lake.specs[name].model]
    if named and not scores:
        hint = f"aurify score {lake.specs[named[0]].model}"
        raise ConfigurationError.of(named[0], "scores of a model", "a table that a refresh makes", hint)
    return [name for name in found if scores or not lake.specs[name].model]

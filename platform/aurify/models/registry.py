"""The registry: runs, versions and aliases of models in MLflow; the one place that a model is loaded from."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.errors import AurifyError, ConfigurationError, EnvironmentFailure, did_you_mean
from aurify.models.fitted import FittedModel
from aurify.storage import Storage

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel
    from mlflow.models import ModelSignature
    from mlflow.tracking import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL, FITTED, RECORD_FILE, JUDGEMENT_FILE = "model", "fitted", "record.json", "judgement.json"
RECORD, SET, DECISION, HASH, HISTORY, MODEL_TAG = (
    "aurify.record", "aurify.training_set", "aurify.decision", "aurify.fingerprint", "aurify.champions", "aurify.model",
)  # fmt: skip
INSTALL = "pip install 'aurify[models]'"
# Of the first question: with MLflow's own limits a server that is down is told after minutes.
BRIEFLY = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
# What MLflow takes.
LONGEST, PARAMETERS_A_CALL, METRICS_A_CALL = 6000, 100, 1000


@dataclass(frozen=True)
class Version:
    """A registered version: its number, run and tags, and the aliases that point at it."""

    model: str
    number: int
    run_id: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    created: datetime

    @property
    def record(self) -> str:
        """The hash of all that it was made of."""
        return self.tags.get(RECORD, "")

    @property
    def training_set(self) -> str:
        """Where the Delta table lies that it learned from and was judged by."""
        return self.tags.get(SET, "")

    @property
    def fingerprint(self) -> str:
        """The hash of the fitted model's files."""
        return self.tags.get(HASH, "")

    @property
    def decision(self) -> str:
        """What the gate said: passed or refused; promoted where a person overruled it."""
        return self.tags.get(DECISION, "")

    @property
    def is_half_made(self) -> bool:
        """Whether its training has not come to its end: the record is its last tag."""
        return bool(self.fingerprint) and not self.record


@dataclass(frozen=True)
class Move:
    """The champion became another version: when, by whom and why."""

    version: int
    at: str
    by: str
    reason: str


class Run:
    """A run of MLflow that is under way."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.id = run_id

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Keep parameters, as texts."""
        from mlflow.entities import Param

        told = [Param(name, str(value)[:LONGEST]) for name, value in values.items()]
        for place in range(0, len(told), PARAMETERS_A_CALL):
            self.client.log_batch(self.id, params=told[place : place + PARAMETERS_A_CALL])

    def metrics(self, values: Mapping[str, float | None]) -> None:
        """Keep metrics; one that is not defined is left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        told = [Metric(name, float(value), now, 0) for name, value in values.items() if value is not None]
        for place in range(0, len(told), METRICS_A_CALL):
            self.client.log_batch(self.id, metrics=told[place : place + METRICS_A_CALL])

    def text(self, name: str, content: str) -> None:
        """Keep a file of text."""
        self.client.log_text(self.id, content, name)

    def file(self, name: str, content: bytes) -> None:
        """Keep a file, like a picture."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, Path(name).name)
            path.write_bytes(content)
            self.client.log_artifact(self.id, str(path), str(Path(name).parent))


class Registry:
    """The models of a project in MLflow: at `tracking`, a URI of it; artifacts of new experiments at `artifacts`."""

    def __init__(self, tracking: str, artifacts: str | None, project: str, prefix: str = "") -> None:
        self.tracking = tracking
        self._artifacts = artifacts
        self._project = project
        self._prefix = prefix

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client; EnvironmentFailure where it is not installed or does not answer."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        try:
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise EnvironmentFailure.of("MLflow", f"no package {error.name}", "mlflow", INSTALL) from None
        try:
            if self.tracking.startswith("sqlite:///"):
                _create(Path(self.tracking.removeprefix("sqlite:///")))
            client = MlflowClient(self.tracking, self.tracking)
            with _briefly():
                client.search_registered_models(max_results=1)
        except MlflowException as error:
            found = str(error).splitlines()[0]
            hint = "start it, or mend mlflow.tracking in the settings"
            raise EnvironmentFailure.of(f"MLflow at {self.tracking}", found, "a server that answers", hint) from error
        return client

    def name_of(self, model: str) -> str:
        """The name of a model in MLflow."""
        return f"{self._prefix}{model}"

    @contextmanager
    def run(self, model: str, tags: Mapping[str, str]) -> Iterator[Run]:
        """A run of a model's experiment, ended as FINISHED, or FAILED with the error that came; KILLED when stopped."""
        run = self.client.create_run(self._experiment(model), tags={MODEL_TAG: model, **tags}, run_name=model)
        own = Run(self.client, run.info.run_id)
        try:
            yield own
        except BaseException as error:
            own.text("error.txt", str(error) if isinstance(error, AurifyError) else f"{type(error).__name__}: {error}")
            self.client.set_terminated(own.id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        self.client.set_terminated(own.id, "FINISHED")

    def remove_unfinished(self, model: str, sets: str) -> None:
        """Mark runs that a kill left as KILLED, and remove the versions that they half made.

        `sets` is the folder whose training sets they learned from: whoever calls knows that no other run uses it now.
        """
        for run in self.client.search_runs([self._experiment(model)], "attributes.status = 'RUNNING'"):
            parent = run.data.tags.get("mlflow.parentRunId")
            training = self.client.get_run(parent) if parent else run
            if training.data.tags.get(SET, "").startswith(sets):
                self.client.set_terminated(run.info.run_id, "KILLED")
        for version in self._all_versions(model):
            if version.is_half_made and version.training_set.startswith(sets):
                self.client.delete_model_version(self.name_of(model), str(version.number))

    def is_finished(self, version: Version) -> bool:
        """Whether the run that made the version came to its end."""
        return str(self.client.get_run(version.run_id).info.status) == "FINISHED"

    def finish(self, version: Version) -> None:
        """End the run that made the version."""
        self.client.set_terminated(version.run_id, "FINISHED")

    def register(
        self, model: str, run: Run, fitted: FittedModel, tags: Mapping[str, str], requirements: Sequence[str]
    ) -> Version:
        """Keep a fitted model with its run, and make it a version; `requirements` are the packages that load it.

        It is there for others when it gets its last tag, `RECORD`.
        """
        from mlflow.exceptions import MlflowException

        name = self.name_of(model)
        with tempfile.TemporaryDirectory() as folder:
            _saved(fitted, Path(folder), requirements)
            self.client.log_artifacts(run.id, str(Path(folder, MODEL)), MODEL)
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{self.client.get_run(run.id).info.artifact_uri}/{MODEL}"
        made = self.client.create_model_version(name, source, run.id, tags={HASH: fitted.fingerprint, **tags})
        return _version(model, made, {})

    def versions(self, model: str) -> list[Version]:
        """All versions, the newest first, without those that a training has half made."""
        return [version for version in self._all_versions(model) if not version.is_half_made]

    def version(self, model: str, of: int | str) -> Version:
        """The version of a number or an alias; ConfigurationError where there is none."""
        versions = self.versions(model)
        for version in versions:
            if str(of) == str(version.number) or of in version.aliases:
                return version
        known = [str(name) for version in versions for name in (version.number, *version.aliases)]
        expected = "a version or an alias of it" if known else "a version: aurify train makes one"
        raise ConfigurationError.of(f"model {model}", f"'{of}'", expected, did_you_mean(str(of), known))

    def champion(self, model: str) -> Version | None:
        """The version that scores."""
        return next((version for version in self.versions(model) if CHAMPION in version.aliases), None)

    def load(self, version: Version) -> FittedModel:
        """The fitted model of a version; EnvironmentFailure where its files are not there, or not as registered."""
        where, hint = f"model {version.model}, version {version.number}", "roll back, or train it again: --again"
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = self.client.download_artifacts(version.run_id, f"{MODEL}/data/{FITTED}", folder)
                found = FittedModel.load(Path(path))
        except AurifyError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            raise EnvironmentFailure.of(where, said, "files that can be read", hint) from error
        if version.fingerprint and found.fingerprint != version.fingerprint:
            said = f"files of fingerprint {found.fingerprint[:16]}"
            raise EnvironmentFailure.of(where, said, f"{version.fingerprint[:16]}, as registered", hint)
        return found

    def file(self, version: Version, name: str) -> bytes:
        """A file of the version's run."""
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.client.download_artifacts(version.run_id, name, folder)).read_bytes()

    def keep_file(self, version: Version, name: str, content: bytes) -> None:
        """Keep a file with the version's run."""
        Run(self.client, version.run_id).file(name, content)

    def document(self, version: Version, name: str) -> str:
        """A file of text of the version's run."""
        return self.file(version, name).decode()

    def find_document(self, version: Version, name: str) -> str | None:
        """A file of text of the version's run; None where it has none of this name."""
        there = {file.path for file in self.client.list_artifacts(version.run_id)}
        return self.document(version, name) if name in there else None

    def keep_document(self, version: Version, name: str, content: str) -> None:
        """Keep a file of text with the version's run."""
        Run(self.client, version.run_id).text(name, content)

    def metrics(self, version: Version) -> dict[str, float]:
        """The metrics of the version's run."""
        return dict(self.client.get_run(version.run_id).data.metrics)

    def set_challenger(self, version: Version) -> None:
        """Point the challenger's alias at a version."""
        self.client.set_registered_model_alias(self.name_of(version.model), CHALLENGER, str(version.number))

    def promote(self, version: Version, by: str, reason: str) -> None:
        """Make a version the champion, and keep who did it and why; done again after a kill, it is kept once."""
        name = self.name_of(version.model)
        self.client.set_registered_model_alias(name, CHAMPION, str(version.number))
        if CHALLENGER in version.aliases:
            self.client.delete_registered_model_alias(name, CHALLENGER)
        self._keep_move(version.model, Move(version.number, _now(), by, reason))

    def moves(self, model: str) -> list[Move]:
        """How the champion changed, the oldest first."""
        found = self._registered(model)
        return [Move(**told) for told in json.loads(found.tags.get(HISTORY, "[]"))] if found else []

    def tag(self, version: Version, name: str, value: str) -> None:
        """Keep a tag of a version."""
        self.client.set_model_version_tag(self.name_of(version.model), str(version.number), name, value)

    def training_sets(self) -> set[str]:
        """The training sets that a registered version names, of any model."""
        found, token = set(), None
        while True:
            page = self.client.search_model_versions(max_results=1000, page_token=token)
            found |= {version.tags[SET] for version in page if SET in version.tags}
            token = page.token
            if not token:
                return found

    def _keep_move(self, model: str, move: Move) -> None:
        moves = self.moves(model)
        if [made.version for made in moves[-1:]] != [move.version]:
            told = json.dumps([vars(made) for made in (*moves, move)])
            self.client.set_registered_model_tag(self.name_of(model), HISTORY, told)

    def _all_versions(self, model: str) -> list[Version]:
        found = self.client.search_model_versions(f"name = '{self.name_of(model)}'", max_results=1000)
        aliases = self._aliases(model)
        return sorted((_version(model, made, aliases) for made in found), key=lambda version: -version.number)

    def _aliases(self, model: str) -> dict[str, list[str]]:
        registered, found = self._registered(model), dict[str, list[str]]()
        for alias, number in sorted(registered.aliases.items()) if registered else ():
            found.setdefault(str(number), []).append(alias)
        return found

    def _registered(self, model: str) -> RegisteredModel | None:
        """The model as MLflow has it; None where it has no version yet."""
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_registered_model(self.name_of(model))
        except MlflowException:
            return None

    def _experiment(self, model: str) -> str:
        name = f"{self._project}/{self.name_of(model)}"
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = None if self._artifacts is None else f"{self._artifacts}/{self.name_of(model)}"
        return str(self.client.create_experiment(name, place))


@contextmanager
def _briefly() -> Iterator[None]:
    """Ask a server a few times and not for long, unless the environment says how."""
    own = {name: value for name, value in BRIEFLY.items() if name not in os.environ}
    os.environ.update(own)
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]


def _create(database: Path) -> None:
    """A SQLite file with all of MLflow's tables, or none: one that a kill left halfway is refused by it for good."""
    from mlflow.tracking import MlflowClient

    if database.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, database.name)
        MlflowClient(f"sqlite:///{draft}", f"sqlite:///{draft}").search_registered_models(max_results=1)
        Storage().create(str(database), draft.read_bytes())


def _saved(fitted: FittedModel, folder: Path, requirements: Sequence[str]) -> None:
    """A model as MLflow keeps it: read by `aurify.models.pyfunc`, with its signature."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of MLflow's own type hints, and of an example that nobody needs
        import mlflow.pyfunc

        fitted.save(folder / FITTED)
        mlflow.pyfunc.save_model(
            path=str(folder / MODEL),
            loader_module="aurify.models.pyfunc",
            data_path=str(folder / FITTED),
            signature=_signature(fitted),
            pip_requirements=list(requirements),
        )


def _signature(fitted: FittedModel) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    kinds = {"boolean": DataType.boolean, "string": DataType.string}
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec(kinds.get(kind, DataType.double), name, required=False) for name, kind in fitted.inputs.items()
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double)]))


def _version(model: str, made: ModelVersion, aliases: Mapping[str, list[str]]) -> Version:
    created = datetime.fromtimestamp(made.creation_timestamp / 1000, timezone.utc)
    own = tuple(aliases.get(str(made.version), ()))
    return Version(model, int(made.version), str(made.run_id), dict(made.tags), own, created)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")

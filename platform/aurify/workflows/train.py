"""Train a model: freeze its rows, fit, judge, and let it be champion if its gate passes. One run of MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aurify import __version__
from aurify.models.declare import ModelSpec
from aurify.models.fitted import FittedModel
from aurify.models.fitting import fit_model
from aurify.models.gate import Decision, Versus, decide
from aurify.models.judged import Judgement, difference, judged
from aurify.models.learnable import refuse_unlearnable
from aurify.models.registry import DECISION, JUDGEMENT_FILE, RECORD, RECORD_FILE, SET, Run, Version
from aurify.models.split import PART
from aurify.monitoring.reference import PROFILE_FILE, Reference
from aurify.workflows.record import fingerprint, record_of
from aurify.workflows.searching import searched
from aurify.workflows.train_card import card_of, explained, keep_card
from aurify.workflows.training_rows import TrainingRows, training_rows
from aurify.workflows.unfinished import claimed, give_alias, settle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake

Listener = Callable[[str], None]
JUDGED = ("validation", "test")


@dataclass(frozen=True)
class TrainReport:
    """What became of a training: the version and whether it is champion now; `is_new` is False where there was
    nothing to do, for a version was made of the same data, declarations, code and environment already.
    """

    model: str
    version: int
    is_new: bool
    passed: bool
    checks: tuple[str, ...]
    reasons: tuple[str, ...]
    metrics: dict[str, float | None]
    dates: dict[str, list[str]]
    training_set: str
    run_id: str

    @property
    def exit_code(self) -> int:
        """1 where the gate refused it."""
        return 0 if self.passed else 1

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": self.exit_code, **asdict(self)}


def train(
    lake: Lake, name: str, *, until: datetime | None = None, again: bool = False, listen: Listener = lambda said: None
) -> TrainReport:
    """Train a model of the project, and register it; the test ends at `until`, or with the newest known labels.

    A version with the same record is found, not made a second time, unless `again` is asked. DataError where the rows
    can't be learned from, TrainingStopped where the time limit was over, EnvironmentFailure where another process
    trains the model; ConfigurationError tells what does not fit.
    """
    spec = lake.model(name)
    registry = lake.registry
    listen("training set")
    rows = training_rows(lake, spec, until)
    record = record_of(lake, spec, rows)
    with claimed(lake, name) as scratch:
        known = next((v for v in registry.versions(name) if v.record == fingerprint(record)), None)
        if known is None or again:
            return _trained(lake, rows, record, scratch, listen)
        settle(registry, known)
    return _report(lake, rows, known, None, {})


def _trained(lake: Lake, rows: TrainingRows, record: dict[str, Any], scratch: str, listen: Listener) -> TrainReport:
    """A new version. It counts from its last tag on, which comes before its alias: what scores is always whole."""
    spec, registry = rows.spec, lake.registry
    tags = {RECORD: fingerprint(record), SET: rows.made.path}
    with registry.run(spec.name, tags) as run, _parts(lake, spec, rows) as parts:
        _keep_record(run, record)
        listen("fit")
        estimator = searched(lake, spec, rows, run, scratch)
        model = fit_model(f"model {spec.name}", rows.learning(parts, scratch), spec.stages, estimator)
        listen("judge")
        with _scored(model, rows, parts) as scored:
            learned = Reference.of_training(
                parts, scored["test"], list(model.inputs), rows.made.time, spec.data.target, rows.dates
            )
            told = {part: judged(found, spec, rows.unit, rows.keys[0]) for part, found in scored.items()}
            versus = _versus(lake, spec, rows, scored["test"], registry.champion(spec.name))
            explanations = explained(model, scored, told, spec)
        decision = decide(spec.gate, told["test"].numbers, versus)
        _keep_judgement(run, told, versus, decision)
        run.text(PROFILE_FILE, learned.as_json())
        verdict = {SET: rows.made.path, DECISION: "passed" if decision.passed else "refused"}
        made = registry.register(spec.name, run, model, verdict, [f"aurify[models]=={__version__}"])
        keep_card(run, card_of(spec, record, told, (decision, versus), made, explanations))
        registry.tag(made, RECORD, tags[RECORD])
        give_alias(registry, made, decision)
    return _report(lake, rows, made, decision, told["test"].numbers)


@contextmanager
def _parts(lake: Lake, spec: ModelSpec, rows: TrainingRows) -> Iterator[DataFrame]:
    """The rows of all parts, held for the fit; DataError where they can't be learned from."""
    parts = rows.parts(rows.made.read(lake.session), rows.dates).persist()
    try:
        refuse_unlearnable(f"model {spec.name}", parts, spec.data.target, rows.features, list(rows.dates.as_dict()))
        yield parts
    finally:
        parts.unpersist()


@contextmanager
def _scored(model: FittedModel, rows: TrainingRows, parts: DataFrame) -> Iterator[dict[str, DataFrame]]:
    """The rows of validation and test with their score, scored once."""
    asked = [part for part in JUDGED if part in rows.dates.as_dict()]
    found = {part: model.scored(parts.where(f"{PART} = '{part}'")).persist() for part in asked}
    try:
        yield found
    finally:
        for frame in found.values():
            frame.unpersist()


def _versus(
    lake: Lake, spec: ModelSpec, rows: TrainingRows, scored: DataFrame, champion: Version | None
) -> Versus | None:
    """The champion on the same rows of the test."""
    if champion is None or spec.gate.margin is None:
        return None
    model = lake.registry.load(champion)
    missing = tuple(name for name in model.inputs if name not in scored.columns)
    if missing:
        return Versus(champion.number, None, missing)
    both = model.scored(scored, "_champion").persist()
    try:
        return Versus(champion.number, difference(both, spec, rows.unit, ("score", "_champion")))
    finally:
        both.unpersist()


def _keep_record(run: Run, record: dict[str, Any]) -> None:
    run.text(RECORD_FILE, json.dumps(record, indent=1))
    flat = {name: record[name] for name in ("training_set", "metric", "workers", "seed", "code")}
    estimator = {f"estimator.{name}": value for name, value in record["estimator"].items()}
    dates = {f"dates.{part}": " to ".join(span) for part, span in record["dates"].items()}
    run.parameters({**flat, **dates, **estimator, "features": ", ".join(record["features"])})


def _keep_judgement(run: Run, told: dict[str, Judgement], versus: Versus | None, decision: Decision) -> None:
    for part, judgement in told.items():
        prefix = "" if part == "test" else f"{part}_"
        run.metrics({f"{prefix}{name}": value for name, value in judgement.numbers.items()})
    document = {
        "parts": {part: judgement.as_dict() for part, judgement in told.items()},
        "versus_champion": None if versus is None else asdict(versus),
        "gate": asdict(decision),
    }
    run.text(JUDGEMENT_FILE, json.dumps(document, indent=1, default=str))


def _report(
    lake: Lake, rows: TrainingRows, made: Version, decision: Decision | None, metrics: dict[str, float | None]
) -> TrainReport:
    now = lake.registry.version(made.model, made.number)
    found = metrics or dict(lake.registry.metrics(now))
    return TrainReport(
        model=made.model,
        version=made.number,
        is_new=decision is not None,
        passed=now.decision != "refused",
        checks=decision.checks if decision else (),
        reasons=decision.reasons if decision else (),
        metrics=found,
        dates=rows.dates.as_dict(),
        training_set=rows.made.path,
        run_id=made.run_id,
    )

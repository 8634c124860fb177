"""Score a model's new rows: the champion's and those of a shadow, each once, published like any table."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, DataError, EnvironmentFailure, Problem
from aurify.models.compiled_booster import compiled
from aurify.models.declare import ModelSpec
from aurify.models.fitted import FittedModel
from aurify.publish.batch_log import Batch, Scored, VersionRange
from aurify.publish.changes import ChangedFiles, changed_files
from aurify.publish.state import TableState
from aurify.scoring.batch import BatchOfScores, ToScore
from aurify.scoring.table import CHAMPION, VERSION, name_of, of_batch, other_views
from aurify.tables.drift import refuse_drift
from aurify.tables.inputs import BatchInputs
from aurify.tables.pending import newest_version, pinned_lookups
from aurify.tables.spec import TableSpec
from aurify.workflows.codes import CodesOfVersion
from aurify.workflows.decide import refuse_stopped
from aurify.workflows.halted import refuse_halted
from aurify.workflows.refresh import publish_batches
from aurify.workflows.report import RunReport, TableReport
from aurify.workflows.run import Listener, Run, quiet
from aurify.workflows.schedule import in_graph_order
from aurify.workflows.settle import count_left_out, finish

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.workflows.lake import Lake

MANY_ROWS = 1000
COMPILED_FROM = 100_000  # rows: hundreds of trees take seconds to compile, once for a version and processor
Of = int | str


def score(
    lake: Lake,
    model: str,
    *,
    version: Of | None = None,
    backfill: bool = False,
    shadow: Of | None = None,
    challenger: Of | None = None,
    share: float = 0.0,
    listen: Listener = quiet,
) -> RunReport:
    """Score what is new, by the champion: rows that came since its last batch, whichever version it was.

    A `version` scores all that it has not scored, and decides nothing; so does the champion with `backfill`. A
    `shadow` scores the same batches beside the champion, and decides nothing. Of a `share` of the entities, between 0
    and 1, the `challenger` decides in the champion's place. No version scores a row twice. Killed at any moment, the
    next run goes on. ConfigurationError: no such model, no champion, what does not fit together.
    """
    asked = to_score(lake, model)
    roles = _roles(lake, asked.spec, version, backfill, shadow, challenger, share)
    if roles[0].role == CHAMPION:
        refuse_halted(lake, asked.spec, roles[0].version)
    table = name_of(asked.spec)
    run = Run(lake, [table], listen)
    lake.suites  # noqa: B018 - every suite is read, and all its mistakes told, before any work
    with run:
        in_graph_order(lake, [table], run, lambda name: _Scoring(lake, asked, lake.spec(name), run).publish(roles))
        finish(lake, run)
    return run.report


def to_score(lake: Lake, model: str) -> ToScore:
    """What a model scores; ConfigurationError where it scores nothing."""
    spec = lake.model(model)
    if spec.scoring is None:
        hint = "declare scoring=Scoring(rows=...) in its file"
        raise ConfigurationError.of(f"model {model}", "no scoring", "what it scores, and what is decided", hint)
    views = {name: lake.spec(given.table) for name, given in other_views(spec).items()}
    return ToScore(spec, lake.spec(spec.scoring.rows), views)


def _roles(
    lake: Lake,
    spec: ModelSpec,
    version: Of | None,
    backfill: bool,
    shadow: Of | None,
    challenger: Of | None,
    share: float,
) -> list[Scored]:
    """Who scores, the champion first; ConfigurationError with all that does not fit together."""
    where, registry = f"score {spec.name}", lake.registry
    problems = []
    if version is not None and (backfill or shadow is not None or challenger is not None):
        problems.append(Problem(where, "a version with backfill, shadow or split", "one of them"))
    if (challenger is None) != (share == 0.0):
        problems.append(Problem(where, "half of a split", "the challenger and its share", key="split"))
    if not 0.0 <= share < 1.0:
        problems.append(Problem(where, f"a share of {share:g}", "above 0 and below 1", "like 5%", "split"))
    if problems:
        raise ConfigurationError(where, problems)
    if version is not None:
        return [Scored(model=spec.name, version=registry.version(spec.name, version).number, role="version")]
    champion = registry.champion(spec.name)
    if champion is None:
        hint = f"aurify train {spec.name}, or aurify models promote {spec.name} VERSION"
        raise ConfigurationError.of(where, "no champion", "a version that passed its gate", hint)
    if backfill:
        return [Scored(model=spec.name, version=champion.number, role="version")]
    other = registry.version(spec.name, challenger).number if challenger is not None else None
    found = [Scored(model=spec.name, version=champion.number, challenger=other, share=share)]
    if shadow is not None:
        found.append(Scored(model=spec.name, version=registry.version(spec.name, shadow).number, role="shadow"))
    for scored in found:
        for rival in (scored.challenger, found[-1].version if len(found) > 1 else None):
            if scored.role == CHAMPION and rival == champion.number:
                raise ConfigurationError.of(where, f"version {rival} beside itself", "another one than the champion")
    return found


@dataclass
class _Scoring:
    """One run over the scores of a model; fitted models are loaded once."""

    lake: Lake
    asked: ToScore
    table: TableSpec
    run: Run
    models: dict[int, FittedModel | None] = field(default_factory=dict)
    compiled: dict[int, FittedModel] = field(default_factory=dict)
    changed: dict[VersionRange, ChangedFiles] = field(default_factory=dict)

    def publish(self, roles: Sequence[Scored]) -> TableReport:
        """Publish the batch that a killed run left, then one for each role that has rows to score."""
        state = self.lake.state(self.table.name)
        count_left_out(self.lake, state, self.run)
        with self.lake.lease(self.table.name, self.run.id):
            for scored in roles:
                self._mark_beginning(state, scored)
            for scored in roles:
                publish_batches(self.lake, self.table, self.run, partial(self._next, scored), self._spec_of)
        return self.run.report_of(self.table.name)

    def _mark_beginning(self, state: TableState, scored: Scored) -> None:
        """Keep where a shadow begins, which is where the champion stands, before the champion goes on."""
        if scored.role == "shadow" and scored.stream not in state.consumed.versions:
            span = state.consumed.versions.get(CHAMPION)
            content = "null" if span is None else span.model_dump_json()
            self.lake.storage.create(_beginning(state, scored), content.encode())

    def _next(self, scored: Scored) -> Batch | None:
        """The batch that is open, of whatever role, else a new one; None where this role has nothing to score."""
        state = self.lake.state(self.table.name)
        state.refuse_foreign()
        found = state.open_batch
        if found is not None:
            refuse_stopped(self.table.name, state, found)
            return found
        batch = self._pending(state, scored)
        if batch is None:
            return None
        refuse_drift(self.table, state)
        self._refuse_unscorable(batch)
        recorded = state.log.record(batch)
        self.run.told(self.table.name, recorded.label, "recorded")
        return recorded

    def _pending(self, state: TableState, scored: Scored) -> Batch | None:
        """What this role has not scored, as a batch; what is missing is put on the table's report."""
        rows, report = self.asked.rows.name, self.run.report_of(self.table.name)
        newest = newest_version(self.lake.targets[rows])
        lookups = pinned_lookups(self.table, self.lake.targets)
        waits = [given.table for name, given in self.table.lookups.items() if name not in lookups]
        waits += [rows] if newest is None else []
        if newest is None or waits:
            report.outcome, report.because = "waiting", f"no rows yet in {', '.join(sorted(waits))}"
            return None
        span = newest.model_copy(update={"after": self._after(state, scored, newest)})
        if span.to <= span.after or self._changed(span).is_empty:
            return None
        return Batch(
            table=self.table.name,
            generation=state.generation,
            number=state.committed + 1,
            scored=scored,
            changes={scored.stream: span},
            lookups=lookups,
            run=self.run.id,
            recorded_at=self.run.now(),
        )

    def _changed(self, span: VersionRange) -> ChangedFiles:
        """What changed in a span of the rows, which stays as it is: its log is read once."""
        if span not in self.changed:
            self.changed[span] = changed_files(self.lake.storage, self.lake.targets[span.table].path, span)
        return self.changed[span]

    def _after(self, state: TableState, scored: Scored, newest: VersionRange) -> int:
        """The version of the rows up to which this role has scored; a shadow begins beside the champion."""
        last = state.consumed.versions.get(scored.stream)
        if last is None and scored.role == "shadow":
            content = json.loads(self.lake.storage.read(_beginning(state, scored)) or b"null")
            last = None if content is None else VersionRange.model_validate(content)
        is_same = last is not None and (last.table_id, last.generation) == (newest.table_id, newest.generation)
        return last.to if is_same and last is not None else -1

    def _spec_of(self, batch: Batch) -> TableSpec:
        """The table as it makes a batch: by the version that was chosen when it was recorded."""
        if batch.scored is None:  # a replay: its rows have their score
            return self.table
        models = {number: self._fast(number, batch) for number in batch.scored.versions}
        function = BatchOfScores(self.asked, batch, models, self._done(batch))
        return of_batch(self.table, batch.scored.stream, function)

    def _done(self, batch: Batch) -> Callable[[SparkSession], DataFrame] | None:
        """Keys and versions of rows that were scored, as of now; None where none of the batch can be among them."""
        assert batch.scored is not None
        state = self.lake.state(self.table.name)
        if state.handle is None or state.handle.position == (0, 0):
            return None
        (span,) = batch.changes.values()
        by_name = {f"version {number}" for number in batch.scored.versions} & set(state.consumed.versions)
        if span.after >= 0 and not self._changed(span).images and batch.scored.role == CHAMPION and not by_name:
            return None
        columns = list(map(quoted, (*self.asked.rows.keys, VERSION)))
        own = f"{VERSION} IN ({', '.join(map(str, batch.scored.versions))})"
        version = state.handle.version
        return lambda session: self.lake.read(self.table.name, version, session).where(own).select(*columns)

    def _model(self, number: int) -> FittedModel | None:
        """The fitted model of a version; None where it can't be loaded and a rule decides."""
        if number not in self.models:
            version = self.lake.registry.version(self.asked.spec.name, number)
            try:
                self.models[number] = self.lake.registry.load(version)
            except EnvironmentFailure:
                if self.asked.scoring.fallback is None:
                    raise
                self.models[number] = None
        return self.models[number]

    def _fast(self, number: int, batch: Batch) -> FittedModel | None:
        """The model of a version, with its trees compiled where the batch is large enough to pay for it."""
        model = self._model(number)
        (span,) = batch.changes.values()
        if model is None or self._changed(span).insert_records < COMPILED_FROM:
            return model
        if number not in self.compiled:
            version = self.lake.registry.version(self.asked.spec.name, number)
            self.compiled[number] = compiled(model, CodesOfVersion(self.lake.registry, version)).model
        return self.compiled[number]

    def _refuse_unscorable(self, batch: Batch) -> None:
        """Stop, before anything is recorded, where the rows lack what a model reads, or have no value of it.

        ConfigurationError tells columns and types, DataError features that are NULL in every row.
        """
        assert batch.scored is not None
        spec = self._spec_of(batch)
        function = spec.function
        assert isinstance(function, BatchOfScores)
        frames, stream = inputs_of(self.lake, spec, batch).frames().put, batch.scored.stream
        rows = function.features(**{**frames, stream: frames[stream].limit(MANY_ROWS)})
        function.refuse_misfits(rows)
        wanted = sorted({name for model in function.models.values() if model is not None for name in model.inputs})
        counts = _there(rows, wanted)
        empty = [name for name in wanted if not counts[name]]
        if counts[""] and empty and (len(empty) == len(wanted) or counts[""] >= MANY_ROWS):
            _refuse_empty(f"{self.table.name} {batch.label}", _there(function.features(**frames), wanted))


def inputs_of(lake: Lake, spec: TableSpec, batch: Batch) -> BatchInputs:
    """The frames that a batch of scores is made of, in a session of their own."""
    return BatchInputs(spec, batch, lake.work_session(), lake.storage, lake.targets, lake.settings.source_root)


def _beginning(state: TableState, scored: Scored) -> str:
    return f"{state.log.folder}/beginning of {scored.stream}.json"


def _there(rows: DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """How many rows have a value in each column, and under "" how many there are."""
    from pyspark.sql import functions as F

    counts = [F.count(F.lit(1)), *(F.count(quoted(name)) for name in columns)]
    return dict(zip(("", *columns), rows.agg(*counts).collect()[0], strict=True))


def _refuse_empty(where: str, found: dict[str, int]) -> None:
    """DataError where no row has a value of a feature: what fills it has broken, and the scores would tell nothing."""
    hint = "refresh the view that makes it; nothing was scored, and the rows are scored once it has values"
    problems = [
        Problem(where, f"{name} is NULL in all of {found['']:,} rows", "values, as in training", hint)
        for name, count in found.items()
        if name and not count
    ]
    if problems:
        raise DataError(where, problems)

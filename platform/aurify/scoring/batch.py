"""The function that makes a batch of scores: features joined, rows given to their version, scored, decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce, update_wrapper
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.features.joined import view_of, with_view
from aurify.models.declare import ModelSpec
from aurify.models.explain.reasons import REASON
from aurify.models.fitted import FittedModel
from aurify.publish.batch_log import Batch, Scored
from aurify.scoring.declare import Scoring
from aurify.scoring.scorer import ERROR, REASONS, SCORE, with_scores
from aurify.scoring.table import BY_MODEL, VERSION, kept_columns, other_views, time_of
from aurify.tables.spec import TableSpec

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

NO_MODEL = "rule: the model can't be loaded"
NOT_SURE = "rule: the model is not sure"
_SHARES = 1_000_000


@dataclass(frozen=True)
class ToScore:
    """What is scored: the model's file, the table of its rows, the views that are joined to them, by parameter."""

    spec: ModelSpec
    rows: TableSpec
    views: Mapping[str, TableSpec]

    @property
    def scoring(self) -> Scoring:
        """What the model's file says of scoring."""
        assert self.spec.scoring is not None
        return self.spec.scoring

    @property
    def kept(self) -> list[str]:
        """The columns of the rows that the scores keep."""
        return kept_columns(self.spec, self.rows)


class BatchOfScores:
    """The function of one batch; `models` by version, None where one can't be loaded and a rule decides.

    `done` gives the keys and versions of rows that were scored before; None where none of the batch can have been.
    """

    def __init__(
        self,
        asked: ToScore,
        batch: Batch,
        models: Mapping[int, FittedModel | None],
        done: Callable[[SparkSession], DataFrame] | None = None,
    ) -> None:
        assert batch.scored is not None
        self.asked = asked
        self.batch = batch
        self.scored: Scored = batch.scored
        self.models = models
        self.done = done
        update_wrapper(self, asked.spec.function)

    def __call__(self, **frames: DataFrame) -> DataFrame:
        """The scores of the rows of the batch's stream."""
        rows = self.features(**frames)
        parts = [self._part(rows, version, model) for version, model in self.models.items()]
        from pyspark.sql import DataFrame

        return self._decided(reduce(DataFrame.unionByName, parts))

    def features(self, **frames: DataFrame) -> DataFrame:
        """The rows that are to be scored, with the features of all views and the version that scores each."""
        rows = frames[self.scored.stream]
        asked = rows.withColumn(VERSION, self._version())
        if self.done is not None:
            asked = asked.join(self.done(rows.sparkSession), [*self.asked.rows.keys, VERSION], "left_anti")
        return self.joined(asked, {name: frames[name] for name in other_views(self.asked.spec)})

    def refuse_misfits(self, rows: DataFrame) -> None:
        """ConfigurationError with all that keeps the rows with their features from being scored."""
        for number, model in self.models.items():
            if model is not None:
                model.refuse_misfits(f"score {self.asked.spec.name}, version {number}", rows)

    def joined(self, rows: DataFrame, views: Mapping[str, DataFrame]) -> DataFrame:
        """Rows with what the other views know of them."""
        time = time_of(self.asked.rows)
        assert time is not None
        same = [name for name in views if self._is_same_event(self.asked.views[name])]
        span = _span(rows, time) if same else None
        for name, frame in views.items():
            spec = self.asked.views[name]
            facts = _within(frame, spec, span) if span is not None and name in same else frame
            rows = with_view(rows, facts, spec, time, self.asked.spec.data.tolerance)
        return rows

    def _is_same_event(self, view: TableSpec) -> bool:
        """Whether a view's row of a key has the same event time as the row that is scored."""
        has_keys = set(view.keys) <= set(self.asked.rows.schema.names)
        return has_keys and view_of(view).event_time == time_of(self.asked.rows)

    def _version(self) -> Column:
        """The version that scores a row: of a share of the entities the challenger."""
        from pyspark.sql import functions as F

        own = F.lit(self.scored.version)
        if self.scored.challenger is None:
            return own
        entity = self.asked.scoring.entity or self.asked.rows.keys
        place = F.pmod(F.xxhash64(F.lit(self.asked.spec.name), *map(quoted, entity)), F.lit(_SHARES))
        is_his = place < round(self.scored.share * _SHARES)
        return F.when(is_his, F.lit(self.scored.challenger)).otherwise(own)

    def _part(self, rows: DataFrame, version: int, model: FittedModel | None) -> DataFrame:
        """The rows of one version, scored."""
        from pyspark.sql import functions as F

        own = rows.where(F.col(VERSION) == version) if len(self.models) > 1 else rows
        scoring = self.asked.scoring
        kept = [*self.asked.kept, VERSION]
        ruled = [_RULE] if scoring.fallback is not None else []
        if scoring.fallback is not None:
            own = own.withColumn(_RULE, F.expr(scoring.fallback.decision).cast("string"))
        if model is None:
            reasons = F.lit(None).cast(REASON)
            nothing = {SCORE: F.lit(None).cast("double"), ERROR: F.lit(None).cast("string"), REASONS: reasons}
            return own.select(*map(quoted, [*kept, *ruled])).withColumns(nothing)
        lowest = min(scoring.decide.values(), default=None)
        return with_scores(own, model, [*kept, *ruled], scoring.reasons, lowest)

    def _decided(self, rows: DataFrame) -> DataFrame:
        """The scores with the decision of each, as the table keeps them."""
        from pyspark.sql import functions as F

        scoring, fallback = self.asked.scoring, self.asked.scoring.fallback
        decision = F.lit(scoring.otherwise)
        for name, least in sorted(scoring.decide.items(), key=lambda said: said[1]):
            decision = F.when(F.col(SCORE) >= least, F.lit(name)).otherwise(decision)
        by: Column = F.lit(BY_MODEL)
        if fallback is not None:
            lost = [version for version, model in self.models.items() if model is None]
            no_model = F.col(VERSION).isin(*lost) if lost else F.lit(False)
            confidence = F.greatest(F.col(SCORE), 1 - F.col(SCORE))
            not_sure = confidence < fallback.below if fallback.below is not None else F.lit(False)
            by = F.when(no_model, F.lit(NO_MODEL)).when(not_sure, F.lit(NOT_SURE)).otherwise(by)
            decision = F.when(no_model | F.coalesce(not_sure, F.lit(False)), F.col(_RULE)).otherwise(decision)
        return rows.select(
            *map(quoted, self.asked.kept),
            F.col(SCORE).alias("score"),
            decision.alias("decision"),
            by.alias("decided_by"),
            F.col(REASONS).alias("reasons"),
            VERSION,
            self._role().alias("role"),
            F.lit(self.batch.number).cast("bigint").alias("batch"),
            F.lit(self.batch.recorded_at).cast("timestamp").alias("scored_at"),
            ERROR,
        )

    def _role(self) -> Column:
        from pyspark.sql import functions as F

        if self.scored.challenger is None:
            return F.lit(self.scored.role)
        return F.when(F.col(VERSION) == self.scored.challenger, F.lit("challenger")).otherwise(F.lit("champion"))


_RULE = "_rule"


def _span(rows: DataFrame, time: str) -> tuple[str | None, str | None]:
    """The first and the last time of the rows, as texts; None where there is none."""
    from pyspark.sql import functions as F

    low, high = rows.agg(F.min(quoted(time)).cast("string"), F.max(quoted(time)).cast("string")).collect()[0]
    return low, high


def _within(facts: DataFrame, view: TableSpec, span: tuple[str | None, str | None]) -> DataFrame:
    """Of a view's rows those in a span of times: a batch of a day reads the files of that day."""
    from pyspark.sql import functions as F

    at, (low, high) = F.col(quoted(view_of(view).event_time)), span
    return facts.where((at >= F.lit(low).cast("timestamp")) & (at <= F.lit(high).cast("timestamp")))

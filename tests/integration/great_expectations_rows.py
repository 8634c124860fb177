"""Row rules as Aurify counts them, and as Great Expectations does, on one Spark session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.quality.conditions import read_condition
from aurify.quality.result import RowCounts
from aurify.quality.row_rules import ROW_RULES, failing, looked_at
from aurify.quality.row_rules.domain import field_type
from aurify.quality.rule import OnFail, Rule

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Case:
    """One expectation: its name, and all its arguments as a suite has them."""

    name: str
    kwargs: Mapping[str, Any]
    schema: StructType

    @property
    def rule(self) -> Rule:
        """What Aurify reads."""
        expectation = ROW_RULES[self.name]
        named = [self.kwargs[key] for key in expectation.over.value]
        columns = tuple(named[0]) if isinstance(named[0], list) else tuple(named)
        types = [kind for name in columns if (kind := field_type(self.schema, name)) is not None]
        assert len(types) == len(columns)
        assert not expectation.wants(tuple(types))
        given = {name: self.kwargs[name] for name in expectation.arguments if name in self.kwargs}
        kwargs = {name: expectation.arguments[name].read(value, types) for name, value in given.items()}
        expectation.agree(kwargs)
        condition, parser = self.kwargs.get("row_condition"), self.kwargs.get("condition_parser")
        met = None if condition is None else read_condition(condition, parser, self.schema)
        mostly = self.kwargs.get("mostly", 1.0)
        return Rule(self.name, self.name, columns, kwargs, OnFail.WARN, "", mostly=mostly, condition=met)


def our_counts(frame: DataFrame, cases: Sequence[Case]) -> list[RowCounts]:
    """The counts of Aurify's rules, in one aggregation."""
    from pyspark.sql import functions as F

    answers = []
    for number, case in enumerate(cases):
        rule = case.rule
        meets = F.lit(True) if rule.condition is None else F.coalesce(rule.condition.column(), F.lit(False))
        is_looked_at = looked_at(rule, frame.schema)
        answers.append(meets.alias(f"element{number}"))
        answers.append((meets & (F.lit(False) if is_looked_at is None else ~is_looked_at)).alias(f"missing{number}"))
        answers.append((meets & failing(rule, frame.schema)).alias(f"unexpected{number}"))
    judged = frame.select(*answers)
    (counts,) = judged.agg(*(F.count_if(F.col(name)) for name in judged.columns)).collect()
    return [RowCounts(*counts[at : at + 3]) for at in range(0, len(counts), 3)]


class GreatExpectations:
    """Great Expectations on the same Spark session."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_spark("spark", persist=False).add_dataframe_asset("frame")
        self.batches = asset.add_batch_definition_whole_dataframe("whole")

    def results(self, frame: DataFrame, cases: Sequence[Case]) -> list[Any]:
        """What it says of each case, in order."""
        import great_expectations as gx
        from great_expectations.expectations.registry import get_expectation_impl

        said = [
            get_expectation_impl(case.name)(**deepcopy(dict(case.kwargs)), meta={"case": number})
            for number, case in enumerate(cases)
        ]
        batch = self.batches.get_batch(batch_parameters={"dataframe": frame})
        suite = gx.ExpectationSuite(name="suite", expectations=said)
        found = batch.validate(suite, result_format={"result_format": "BASIC", "partial_unexpected_count": 0})
        return sorted(found.results, key=lambda result: result.expectation_config.meta["case"])

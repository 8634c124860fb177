"""Rules of a whole batch as Aurify judges them, in the words of Great Expectations' results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.quality.conditions import read_condition
from aurify.quality.result import Judgement
from aurify.quality.row_rules.domain import field_type
from aurify.quality.rule import OnFail, Rule
from aurify.quality.table_rules import TABLE_RULES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from tests.integration.great_expectations_rows import GreatExpectations

ORDER = "row"
# Great Expectations lists these in no order.
UNORDERED = ("partial_unexpected_list", "partial_missing_list")


@dataclass(frozen=True)
class TableCase:
    """One expectation: its name, and all its arguments as a suite has them."""

    name: str
    kwargs: Mapping[str, Any]
    schema: StructType

    def rule(self, id: str) -> Rule:
        """What Aurify reads."""
        expectation = TABLE_RULES[self.name]
        columns = tuple(str(self.kwargs[key]) for key in expectation.over.value)
        types = [kind for name in columns if (kind := field_type(self.schema, name)) is not None]
        assert len(types) == len(columns)
        assert not expectation.wants(tuple(types)), self
        given = {name: self.kwargs[name] for name in expectation.arguments if self.kwargs.get(name) is not None}
        kwargs = {name: expectation.arguments[name].read(value, types) for name, value in given.items()}
        expectation.agree(kwargs)
        condition, parser = self.kwargs.get("row_condition"), self.kwargs.get("condition_parser")
        met = None if condition is None else read_condition(condition, parser, self.schema)
        return Rule(
            id,
            self.name,
            columns,
            kwargs,
            OnFail.WARN,
            "",
            mostly=self.kwargs.get("mostly", 1.0),
            condition=met,
            order_by=(ORDER,) if expectation.needs_order else (),
        )


def our_result(case: TableCase, judgement: Judgement) -> dict[str, Any]:
    """The judgement as Great Expectations writes it."""
    if judgement.counts is not None:
        counts = judgement.counts
        told: dict[str, Any] = {
            "element_count": counts.elements,
            "missing_count": counts.missing,
            "unexpected_count": counts.unexpected,
            "unexpected_percent": counts.failing_share * 100 if counts.looked_at else None,
        }
    elif TABLE_RULES[case.name].beside:
        told = {"observed_value": judgement.observed, **judgement.details}
    else:
        told = {"observed_value": judgement.observed, **({"details": judgement.details} if judgement.details else {})}
    return {"success": judgement.holds, **told}


def their_results(theirs: GreatExpectations, frame: DataFrame, cases: Sequence[TableCase]) -> list[Any]:
    """What Great Expectations says of each case, in order."""
    import great_expectations as gx
    from great_expectations.expectations.registry import get_expectation_impl

    said = [
        get_expectation_impl(case.name)(**deepcopy(dict(case.kwargs)), meta={"case": number})
        for number, case in enumerate(cases)
    ]
    batch = theirs.batches.get_batch(batch_parameters={"dataframe": frame})
    found = batch.validate(gx.ExpectationSuite(name="suite", expectations=said), result_format="SUMMARY")
    return sorted(found.results, key=lambda result: result.expectation_config.meta["case"])


def their_result(result: Any) -> dict[str, Any]:
    """What Great Expectations says, as far as Aurify says it too; of no rows it says None where Aurify says 0."""
    mapped = "element_count" in result.result
    wanted = ("element_count", "missing_count", "unexpected_count", "unexpected_percent") if mapped else result.result
    told = {key: result.result.get(key) for key in wanted}
    if told.get("element_count") == 0:
        told["unexpected_count"] = 0
    return {"success": result.success, **({} if mapped else {"observed_value": None}), **told}


def in_json(told: dict[str, Any]) -> dict[str, Any]:
    """A result as it stands in JSON: dates as text, decimals as floats; lists without an order sorted."""
    from great_expectations.util import convert_to_json_serializable

    plain = convert_to_json_serializable(deepcopy(told))
    return (
        {k: sorted(v, key=repr) if k in UNORDERED else v for k, v in plain.items()}
        if isinstance(plain, dict)
        else plain
    )


def are_alike(ours: Any, theirs: Any) -> bool:
    """Whether two results say the same; floats that were added up in another order may differ in the last digits."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        return ours.keys() == theirs.keys() and all(are_alike(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, Sequence) and isinstance(theirs, Sequence) and not isinstance(ours, str):
        return len(ours) == len(theirs) and all(map(are_alike, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float | int):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    return bool(ours == theirs)

"""Expectations that are classes of Great Expectations: they run there, over the rows that would be published."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache, update_wrapper
from typing import TYPE_CHECKING, Any

from aurify.errors import SuiteError
from aurify.quality.result import Judgement
from aurify.quality.row_rules.arguments import Argument
from aurify.quality.table_rules.measures import Found, Measure, over_rows
from aurify.quality.table_rules.registry import Kind, TableExpectation, Whole
from aurify.quality.table_rules.rows import Rows, Taken
from aurify.quality.values import Unfit, plain, shown

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

THEIRS = "great_expectations"
# What every expectation of Great Expectations has; the suite's reader knows it, or it means nothing here.
_OF_ALL = ("batch_id", "catch_exceptions", "condition_parser", "description", "id", "meta", "mostly", "notes",
           "rendered_content", "result_format", "row_condition", "severity", "windows")  # fmt: skip


def is_plugin(value: object, module: str) -> bool:
    """Whether the value is a class of Great Expectations' kind that this module defines."""
    if not isinstance(value, type) or value.__module__ != module or not getattr(value, "expectation_type", ""):
        return False
    return any(base.__module__.startswith(f"{THEIRS}.") for base in value.__mro__)


@cache
def as_expectation(kind: type) -> TableExpectation:
    """The class as an expectation of a batch, with the arguments that its fields are."""
    fields: Mapping[str, Any] = kind.__fields__  # type: ignore[attr-defined]
    names = [name for name in fields if name not in _OF_ALL]

    def measures(rule: Any, found: Found) -> Mapping[str, Measure]:
        given = tuple(sorted((key, _frozen(value)) for key, value in rule.kwargs.items()))
        return {"result": over_rows(rule, THEIRS, kind.__qualname__, kind, given, rule.mostly)}

    update_wrapper(measures, kind)  # its source is what a changed class changes
    return TableExpectation(
        over=Whole.TABLE,
        name=str(kind.expectation_type),  # type: ignore[attr-defined]
        sentence=f"{kind.__name__} of Great Expectations",
        is_ours=True,
        arguments={name: Argument(_read, required=bool(fields[name].required), typed=False) for name in names},
        kind=Kind.OWN,
        measures=measures,
        judge=_judge,
    )


def _read(value: object, types: object) -> object:
    if isinstance(value, str | int | float | bool | list | dict):
        return _frozen(value)
    raise Unfit(shown(value), "a value that JSON can hold")


def _raised(told: Mapping[str, Any]) -> str:
    """What went wrong there: said at once, or metric by metric."""
    if told.get("raised_exception"):
        return str(told.get("exception_message") or "an exception without a message")
    return next((said for part in told.values() if isinstance(part, Mapping) and (said := _raised(part))), "")


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return tuple(("{}", key, _frozen(held)) for key, held in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _thawed(value: object) -> object:
    if isinstance(value, tuple) and value and all(isinstance(v, tuple) and v[:1] == ("{}",) for v in value):
        return {str(key): _thawed(held) for _, key, held in value}
    return [_thawed(held) for held in value] if isinstance(value, tuple) else value


def _judge(rule: object, schema: object, found: Found) -> Judgement:
    told: Any = found["result"]
    details = {key: value for key, value in told["result"].items() if key != "observed_value" and value is not None}
    return Judgement(bool(told["success"]), told["result"].get("observed_value"), details)


def take_theirs(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """What Great Expectations says of the rows that meet the condition: some jobs each."""
    for measure in measures:
        frame = rows.frame if measure.condition is None else rows.frame.where(measure.condition.column())
        _, kind, given, mostly = measure.given
        yield measure.name, _asked(frame, kind, given, mostly)


def _asked(frame: DataFrame, kind: Any, given: Any, mostly: object) -> dict[str, object]:
    """The result as plain values."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # it would call home
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_spark("rows", persist=False).add_dataframe_asset("frame")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch(batch_parameters={"dataframe": frame})
    kwargs = {key: _thawed(value) for key, value in given}
    if "mostly" in kind.__fields__:
        kwargs["mostly"] = mostly
    found = batch.validate(kind(**kwargs), result_format="SUMMARY")
    if said := _raised(found.exception_info or {}):
        raise SuiteError.of(kind.__name__, said, "a class that Great Expectations can run on Spark", "mend its code")
    return {"success": bool(found.success), "result": plain(dict(found.result))}

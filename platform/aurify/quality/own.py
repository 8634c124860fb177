"""Expectations of a project's own: one decorated function that gives a column, or an aggregate."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from aurify.errors import ConfigurationError, Problem
from aurify.quality.result import Judgement
from aurify.quality.row_rules.arguments import Argument, anyhow
from aurify.quality.row_rules.domain import Domain, Over, any_type
from aurify.quality.row_rules.registry import RowExpectation
from aurify.quality.table_rules.measures import Found, Measure, over_column
from aurify.quality.table_rules.registry import Kind, TableExpectation
from aurify.quality.values import Unfit, shown

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import StructType

    from aurify.quality.rule import Rule

ATTRIBUTE = "__aurify_expectation__"
NAME = re.compile(r"expect_[a-z0-9_]+")
BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")
_KINDS: Mapping[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str, "bool": bool}

Own = RowExpectation | TableExpectation
Function = TypeVar("Function", bound="Callable[..., Column]")


def row_expectation(name: str, sentence: str) -> Callable[[Function], Function]:
    """Make a function an expectation of rows, which suites use by name.

    Its first parameters say what it looks at: `column`; or `column_A` and `column_B`; or `column_list`, a list of
    columns. Others are arguments of the expectation. It gives a column that is TRUE where a row passes; NULL counts
    as passed, and rows whose columns are NULL are passed over.

    >>> from pyspark.sql import functions as F
    >>> @row_expectation("expect_column_values_to_be_even", "{column} is even")
    ... def is_even(column):
    ...     return column % 2 == 0
    """

    def register(function: Function) -> Function:
        over, arguments = _signature(name, function)
        setattr(function, ATTRIBUTE, _of_rows(name, sentence, over, arguments, function))
        return function

    return register


def table_expectation(name: str, sentence: str) -> Callable[[Function], Function]:
    """Make a function an expectation of a batch as a whole, which suites use by name.

    Its first parameter is `column`, others are arguments. It gives an aggregate: either a number, which the suite
    bounds with min_value and max_value, or a boolean, which must be TRUE.

    >>> from pyspark.sql import functions as F
    >>> @table_expectation("expect_column_range_to_be_between", "the range of {column} is {range}")
    ... def value_range(column):
    ...     return F.max(column) - F.min(column)
    """

    def register(function: Function) -> Function:
        over, arguments = _signature(name, function)
        if over is not Over.COLUMN:
            raise _refusal(name, function, "several columns", "an aggregate of one `column`")
        setattr(function, ATTRIBUTE, _of_batch(name, sentence, arguments, function))
        return function

    return register


def code_of(expectation: Own) -> str:
    """The source of the function that the expectation was made of."""
    made = expectation.fails if isinstance(expectation, RowExpectation) else expectation.measures
    function = inspect.unwrap(made)
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return str(function.__qualname__)


def _signature(name: str, function: Callable[..., Any]) -> tuple[Over, dict[str, Argument]]:
    """What a function looks at, and its arguments; ConfigurationError where that can't be told."""
    if not NAME.fullmatch(name):
        raise _refusal(name, function, f"the name '{name}'", "expect_ and lower-case letters, digits and _")
    parameters = list(inspect.signature(function).parameters.values())
    names = tuple(p.name for p in parameters)
    over = next((o for o in Over if names[: len(o.value)] == o.value), None)
    if over is None:
        expected = "first `column`, or `column_A` and `column_B`, or `column_list`"
        raise _refusal(name, function, f"the parameters {', '.join(names) or 'none'}", expected)
    return over, {p.name: _argument(p) for p in parameters[len(over.value) :]}


def _refusal(name: str, function: Callable[..., Any], found: str, expected: str) -> ConfigurationError:
    where = f"{inspect.getsourcefile(function)}, {function.__name__}()"
    return ConfigurationError(name, [Problem(where, found, expected)])


def _argument(parameter: inspect.Parameter) -> Argument:
    annotation = parameter.annotation
    word = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    kind = _KINDS.get(word.removesuffix(" | None"))

    def read(value: object, types: object) -> object:
        if kind is not None and (not isinstance(value, kind) or (kind is not bool and isinstance(value, bool))):
            raise Unfit(shown(value), f"a value of type {word}")
        return tuple(value) if isinstance(value, list) else value

    return Argument(read, required=parameter.default is inspect.Parameter.empty)


def _of_rows(
    name: str, sentence: str, over: Over, arguments: Mapping[str, Argument], function: Callable[..., Column]
) -> RowExpectation:
    def fails(at: Domain, **given: object) -> Column:
        columns = (list(at.columns),) if over is Over.COLUMNS else at.columns
        return ~function(*columns, **given)

    update_wrapper(fails, function)
    return RowExpectation(
        name=name,
        sentence=sentence,
        over=over,
        arguments=arguments,
        fails=fails,
        wants=any_type,
        agree=anyhow,
        looks_at_null=False,
        needs_window=False,
        undetermined=True,
        difference="",
        is_ours=True,
    )


def _of_batch(
    name: str, sentence: str, arguments: Mapping[str, Argument], function: Callable[..., Column]
) -> TableExpectation:
    def measures(rule: Rule, found: Found) -> Mapping[str, Measure]:
        given = tuple((key, value) for key, value in rule.kwargs.items() if key in arguments)
        return {"own": over_column(rule, "own", name, function, given)}

    update_wrapper(measures, function)

    def judge(rule: Rule, schema: StructType, found: Found) -> Judgement:
        return _within(found["own"], rule.kwargs)

    return TableExpectation(
        name=name,
        sentence=sentence,
        is_ours=True,
        arguments={**{bound: Argument(_bound) for bound in BOUNDS}, **arguments},
        kind=Kind.OWN,
        measures=measures,
        judge=judge,
    )


def _bound(value: object, types: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    raise Unfit(shown(value), "a number, or for strict_min and strict_max true or false")


def _within(observed: Any, kwargs: Mapping[str, Any]) -> Judgement:
    """Whether an observed value is TRUE, or within the bounds; none observed is none within."""
    if observed is None or isinstance(observed, bool):
        return Judgement(bool(observed), observed)
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    above = low is None or (observed > low if kwargs.get("strict_min") else observed >= low)
    below = high is None or (observed < high if kwargs.get("strict_max") else observed <= high)
    return Judgement(above and below, observed)

"""What an expectation of a whole batch or table is, and the registry that finds it by Great Expectations' name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from aurify.quality.result import Judgement
from aurify.quality.row_rules.arguments import Agree, Argument, anyhow
from aurify.quality.row_rules.domain import Over, Wants, any_type
from aurify.quality.table_rules.counted import judge_counts, rows_and_nulls
from aurify.quality.table_rules.measures import Found, Measure, Measures, nothing

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

    from aurify.quality.rule import Rule

Judge = Callable[["Rule", "StructType", Found], Judgement | None]
OfFound = TypeVar("OfFound", bound=Callable[..., Judgement | None])
OfSchema = TypeVar("OfSchema", bound=Callable[..., Judgement])
OfRows = TypeVar("OfRows", bound=Callable[..., Mapping[str, Measure]])


class Whole(Enum):
    """The table itself: no argument names a column that must be there."""

    TABLE = ()


class Kind(str, Enum):
    """How an expectation is judged: by measures, by failing rows, by the schema, by earlier batches, by an aggregate
    of the project's own, or not at all.
    """

    MEASURED = "measured"
    COUNTED = "counted"
    SCHEMA = "schema"
    HISTORY = "history"
    OWN = "own"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Traits:
    """What an expectation may say of itself besides its name, sentence and arguments.

    `difference` from Great Expectations on Spark, in one sentence; empty: there is none. `beside`: what stands in a
    judgement's details stands beside `observed_value` in Great Expectations' result, not below `details`. `passes`
    over the rows, of which the second needs what the first found. `is_ours`: Great Expectations has none of the name.
    """

    over: Over | Whole = Over.COLUMN
    wants: Wants = any_type
    agree: Agree = anyhow
    difference: str = ""
    beside: bool = False
    needs_order: bool = False
    passes: int = 1
    is_ours: bool = False


OF_COLUMN = Traits()
OF_TABLE = Traits(over=Whole.TABLE)


@dataclass(frozen=True, kw_only=True)
class TableExpectation(Traits):
    """One expectation: `judge` looks at what was found of `measures`, by role, and at the schema.

    `measures` is asked again with what was found so far, until it wants nothing more. `judge` gives None where the
    rule is not applicable. `unsupported`: why it can't run on Spark, and the way on.
    """

    name: str
    sentence: str
    arguments: Mapping[str, Argument]
    kind: Kind
    measures: Measures
    judge: Judge
    unsupported: str = ""

    @property
    def of_rows(self) -> bool:
        """Whether rows pass or fail it, so that `mostly` and `stop_above` mean something."""
        return self.kind is Kind.COUNTED


class Registry(Mapping[str, TableExpectation]):
    """Table expectations by name; a name is given once."""

    def __init__(self, *parts: Registry) -> None:
        self._known: dict[str, TableExpectation] = {}
        for part in parts:
            for expectation in part.values():
                self._add(expectation)

    def __getitem__(self, name: str) -> TableExpectation:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def measured(
        self, name: str, sentence: str, measures: Measures, traits: Traits = OF_COLUMN, **arguments: Argument
    ) -> Callable[[OfFound], OfFound]:
        """Register a function of what was found, by role, and these arguments; it is returned unchanged."""
        return self._of_found(Kind.MEASURED, name, sentence, measures, traits, arguments)

    def of_history(
        self, name: str, sentence: str, measures: Measures, traits: Traits = OF_COLUMN, **arguments: Argument
    ) -> Callable[[OfFound], OfFound]:
        """The same, where the role `history` holds what was found, by role, in earlier batches, oldest first."""
        return self._of_found(Kind.HISTORY, name, sentence, measures, traits, arguments)

    def of_schema(
        self, name: str, sentence: str, traits: Traits = OF_TABLE, **arguments: Argument
    ) -> Callable[[OfSchema], OfSchema]:
        """Register a function of the schema, the rule's columns and these arguments; it is returned unchanged."""

        def register(judge: OfSchema) -> OfSchema:
            def of_rule(rule: Rule, schema: StructType, found: Found) -> Judgement:
                return judge(schema, *rule.columns, **rule.kwargs)

            self._make(traits, name, sentence, arguments, Kind.SCHEMA, nothing, of_rule)
            return judge

        return register

    def counted(
        self, name: str, sentence: str, traits: Traits = OF_COLUMN, **arguments: Argument
    ) -> Callable[[OfRows], OfRows]:
        """Register a function of a rule, of what was found and of these arguments that says what to count.

        It gives the measures `unexpected`, `undetermined` where the answer can be NULL, and `sample`; or first what
        they hang on. It is returned unchanged.
        """

        def register(counting: OfRows) -> OfRows:
            def measures(rule: Rule, found: Found) -> Mapping[str, Measure]:
                return {**rows_and_nulls(rule), **counting(rule, found, **rule.kwargs)}

            self._make(traits, name, sentence, arguments, Kind.COUNTED, measures, judge_counts)
            return counting

        return register

    def unsupported(self, name: str, way_on: str) -> None:
        """Register an expectation that can't run on Spark, and what to do instead."""
        self._make(OF_TABLE, name, way_on, {}, Kind.UNSUPPORTED, nothing, _never, way_on)

    def _of_found(
        self,
        kind: Kind,
        name: str,
        sentence: str,
        measures: Measures,
        traits: Traits,
        arguments: Mapping[str, Argument],
    ) -> Callable[[OfFound], OfFound]:
        def register(judge: OfFound) -> OfFound:
            def of_rule(rule: Rule, schema: StructType, found: Found) -> Judgement | None:
                return judge(found, **rule.kwargs)

            self._make(traits, name, sentence, arguments, kind, measures, of_rule)
            return judge

        return register

    def _make(
        self,
        traits: Traits,
        name: str,
        sentence: str,
        arguments: Mapping[str, Argument],
        kind: Kind,
        measures: Measures,
        judge: Judge,
        unsupported: str = "",
    ) -> None:
        self._add(
            TableExpectation(
                **vars(traits),
                name=name,
                sentence=sentence,
                arguments=arguments,
                kind=kind,
                measures=measures,
                judge=judge,
                unsupported=unsupported,
            )
        )

    def _add(self, expectation: TableExpectation) -> None:
        if expectation.name in self._known:
            raise ValueError(f"the expectation {expectation.name} is registered twice")
        self._known[expectation.name] = expectation


def _never(rule: Rule, schema: StructType, found: Found) -> Judgement:
    raise NotImplementedError(rule.expectation)

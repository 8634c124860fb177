"""What a row expectation is, and the registry that finds it by Great Expectations' name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aurify.quality.row_rules.arguments import Agree, Argument, anyhow
from aurify.quality.row_rules.domain import Over, Wants, any_type

if TYPE_CHECKING:
    from pyspark.sql import Column

Fails = TypeVar("Fails", bound=Callable[..., "Column"])


@dataclass(frozen=True)
class RowExpectation:
    """One expectation: `fails(domain, **arguments)` is TRUE where a row that is looked at fails.

    `agree` raises Unfit where the arguments, each of them read, don't go together. `undetermined`: the answer can be
    NULL on a row that is looked at. `difference` from Great Expectations on Spark, in one sentence; empty: there is
    none. `is_ours`: Great Expectations has none of this name.
    """

    name: str
    sentence: str
    over: Over
    arguments: Mapping[str, Argument]
    fails: Callable[..., Column]
    wants: Wants
    agree: Agree
    looks_at_null: bool
    needs_window: bool
    undetermined: bool
    difference: str
    is_ours: bool = False


class Registry(Mapping[str, RowExpectation]):
    """Row expectations by name; a name is given once."""

    def __init__(self, *parts: Registry) -> None:
        self._known: dict[str, RowExpectation] = {}
        for part in parts:
            for expectation in part.values():
                self._add(expectation)

    def __getitem__(self, name: str) -> RowExpectation:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def row(
        self,
        name: str,
        sentence: str,
        *,
        over: Over = Over.COLUMN,
        wants: Wants = any_type,
        agree: Agree = anyhow,
        looks_at_null: bool = False,
        needs_window: bool = False,
        undetermined: bool = False,
        difference: str = "",
        is_ours: bool = False,
        **arguments: Argument,
    ) -> Callable[[Fails], Fails]:
        """Register a function of a domain and these arguments; it is returned unchanged.

        A row whose columns are NULL is passed over before the function's answer counts, unless `looks_at_null`.
        """

        def register(fails: Fails) -> Fails:
            traits = (wants, agree, looks_at_null, needs_window, undetermined, difference, is_ours)
            self._add(RowExpectation(name, sentence, over, arguments, fails, *traits))
            return fails

        return register

    def _add(self, expectation: RowExpectation) -> None:
        if expectation.name in self._known:
            raise ValueError(f"the expectation {expectation.name} is registered twice")
        self._known[expectation.name] = expectation

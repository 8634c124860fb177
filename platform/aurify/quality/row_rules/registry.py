"""What a row expectation is, and the registry that finds it by Great Expectations' name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aurify.quality.row_rules.arguments import Argument
from aurify.quality.row_rules.domain import Over, Wants, any_type

if TYPE_CHECKING:
    from pyspark.sql import Column

Fails = TypeVar("Fails", bound=Callable[..., "Column"])


@dataclass(frozen=True)
class RowExpectation:
    """One expectation: `fails(domain, **arguments)` is TRUE where a row that is looked at fails."""

    name: str
    sentence: str
    over: Over
    arguments: Mapping[str, Argument]
    fails: Callable[..., Column]
    wants: Wants
    looks_at_null: bool
    needs_window: bool


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
        looks_at_null: bool = False,
        needs_window: bool = False,
        **arguments: Argument,
    ) -> Callable[[Fails], Fails]:
        """Register a function of a domain and these arguments; it is returned unchanged.

        A row whose columns are NULL is passed over before the function's answer counts, unless `looks_at_null`.
        """

        def register(fails: Fails) -> Fails:
            self._add(RowExpectation(name, sentence, over, arguments, fails, wants, looks_at_null, needs_window))
            return fails

        return register

    def _add(self, expectation: RowExpectation) -> None:
        if expectation.name in self._known:
            raise ValueError(f"the expectation {expectation.name} is registered twice")
        self._known[expectation.name] = expectation

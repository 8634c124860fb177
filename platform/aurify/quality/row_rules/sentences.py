"""A rule in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Protocol

from aurify.quality.values import shown

NAMED_MEMBERS = 8


class Told(Protocol):
    """What has a sentence."""

    @property
    def sentence(self) -> str:
        """With a place for every argument."""

    @property
    def over(self) -> Enum:
        """The arguments that name its columns."""


def sentence(
    expectation: Told,
    columns: Sequence[str],
    kwargs: Mapping[str, object],
    mostly: float = 1.0,
    condition: str = "",
) -> str:
    """One sentence of what must hold, for people.

    >>> from aurify.quality.row_rules import ROW_RULES
    >>> between = ROW_RULES["expect_column_values_to_be_between"]
    >>> sentence(between, ["quantity"], {"min_value": 0, "strict_min": True}, 0.95, "country = 'France'")
    "quantity is more than 0 in at least 95 % of rows where country = 'France'"
    """
    words = {name: _listed(value) for name, value in kwargs.items()}
    words["match_on"] = str(kwargs.get("match_on", "any"))
    words["columns"] = " and ".join([", ".join(columns[:-1]), columns[-1]] if len(columns) > 1 else columns)
    words["range"] = _range(kwargs)
    words["order"] = "greater than or equal to" if kwargs.get("or_equal") else "greater than"
    words.update(zip(expectation.over.value, columns, strict=False))
    share = f" in at least {mostly * 100:.10g} % of rows" if mostly < 1 else ""
    where = f" where {condition}" if condition else ""
    return expectation.sentence.format_map(words) + share + where


def _range(kwargs: Mapping[str, object]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    strict = kwargs.get("strict_min"), kwargs.get("strict_max")
    if low is not None and high is not None and not any(strict):
        return f"between {shown(low)} and {shown(high)}"
    sides: list[str] = []
    if low is not None:
        sides.append(f"{'more than' if strict[0] else 'at least'} {shown(low)}")
    if high is not None:
        sides.append(f"{'less than' if strict[1] else 'at most'} {shown(high)}")
    return " and ".join(sides)


def _listed(value: object) -> str:
    """A value, or the first members of a list."""
    if not isinstance(value, tuple):
        return shown(value)
    members = [f"({_listed(v)})" if isinstance(v, tuple) else shown(v) for v in value[:NAMED_MEMBERS]]
    more = [f"{len(value) - NAMED_MEMBERS} more"] if len(value) > NAMED_MEMBERS else []
    return ", ".join([*members, *more])

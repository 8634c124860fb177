"""A rule in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurify.quality.row_rules.registry import RowExpectation
from aurify.quality.values import shown

NAMED_MEMBERS = 8


def sentence(expectation: RowExpectation, columns: Sequence[str], kwargs: Mapping[str, object]) -> str:
    """One sentence of what must hold, for people.

    >>> from aurify.quality.row_rules import ROW_RULES
    >>> between = ROW_RULES["expect_column_values_to_be_between"]
    >>> sentence(between, ["quantity"], {"min_value": 0, "strict_min": True, "mostly": 0.95})
    'quantity is more than 0 in at least 95 % of rows'
    """
    words = {name: _listed(value) for name, value in kwargs.items()}
    words["match_on"] = str(kwargs.get("match_on", "any"))
    words["columns"] = " and ".join([", ".join(columns[:-1]), columns[-1]] if len(columns) > 1 else columns)
    words["range"] = _range(kwargs)
    words["order"] = "greater than or equal to" if kwargs.get("or_equal") else "greater than"
    words.update(zip(expectation.over.value, columns, strict=False))
    text = expectation.sentence.format_map(words)
    share = kwargs.get("mostly")
    return f"{text} in at least {share * 100:g} % of rows" if isinstance(share, float) else text


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

"""A rule: one expectation of a suite, typed and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType


class OnFail(str, Enum):
    """What becomes of a row that fails a rule; the later member wins."""

    WARN = "warn"
    DROP = "drop"
    QUARANTINE = "quarantine"
    FAIL = "fail"

    def __str__(self) -> str:
        """The word itself."""
        return self.value


@dataclass(frozen=True)
class Rule:
    """One expectation, its arguments typed after the columns they are compared with.

    `kwargs` holds what the suite gives besides the columns: numbers, text, `date`, aware `datetime`, `Decimal`
    and tuples of these. `text` is one sentence for people.
    """

    id: str
    expectation: str
    columns: tuple[str, ...]
    kwargs: Mapping[str, object] = field(hash=False)
    on_fail: OnFail
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "kwargs", MappingProxyType(dict(self.kwargs)))

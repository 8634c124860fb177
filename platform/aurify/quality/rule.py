"""A rule: one expectation of a suite, typed and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurify.quality.conditions import Condition
    from aurify.quality.row_rules.registry import RowExpectation
    from aurify.quality.table_rules.registry import TableExpectation


class OnFail(str, Enum):
    """What becomes of a row that fails a rule, or of the batch; the later member wins."""

    WARN = "warn"
    DROP = "drop"
    QUARANTINE = "quarantine"
    FAIL = "fail"

    def __str__(self) -> str:
        """The word itself."""
        return self.value


class Scope(str, Enum):
    """What a rule judges: each row by itself, the batch as a whole, or the table as the batch would leave it."""

    ROW = "row"
    BATCH = "batch"
    TABLE = "table"

    def __str__(self) -> str:
        """The word itself."""
        return self.value


@dataclass(frozen=True)
class Rule:
    """One expectation, its arguments typed after the columns they are compared with.

    `kwargs` holds what the suite gives besides the columns: numbers, text, `date`, aware `datetime`, `Decimal`
    and tuples of these. `text` is one sentence for people. The rule holds if the share of rows that pass it, of
    those that meet `condition` and are not passed over, is at least `mostly`; a share of failing rows above
    `stop_above` stops the batch, whatever `on_fail` says. `own` is the expectation itself where a project made it.
    """

    id: str
    expectation: str
    columns: tuple[str, ...]
    kwargs: Mapping[str, object] = field(hash=False)
    on_fail: OnFail
    text: str
    scope: Scope = Scope.ROW
    mostly: float = 1.0
    condition: Condition | None = None
    stop_above: float | None = None
    order_by: tuple[str, ...] = ()
    own: RowExpectation | TableExpectation | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kwargs", MappingProxyType(dict(self.kwargs)))

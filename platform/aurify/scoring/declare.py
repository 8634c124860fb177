"""What a model's file says of its scoring: which rows, what is decided, and by which rule where the model can't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fallback:
    """The rule that decides where the model can't be loaded, or is not sure: `decision` is SQL over the rows scored.

    `below` is the least confidence of the model, the larger of score and 1 - score; None asks the model always.
    """

    decision: str
    below: float | None = None


@dataclass(frozen=True)
class Scoring:
    """Rows of a table or view, each scored once by a version, and the decision that follows.

    `decide` is the least score of each decision; a row that reaches several has the one of the highest, one that
    reaches none has `otherwise`. Rows that something is decided on have up to `reasons` reasons, the features that
    push their score up most. `keep` are columns of the rows that the scores keep, beside keys and time. While two
    versions are compared, rows of one `entity` are scored by one of them. `table` is `gold.<model>_scores` if not
    given.
    """

    rows: str
    decide: Mapping[str, float] = field(default_factory=dict)
    otherwise: str = "pass"
    reasons: int = 3
    keep: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    fallback: Fallback | None = None
    table: str = ""

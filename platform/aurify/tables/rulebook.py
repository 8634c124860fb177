"""What a batch is judged by."""

from __future__ import annotations

from dataclasses import dataclass, field

from aurify.quality import Suite
from aurify.tables.judging import Surroundings
from aurify.tables.replaying import FromQuarantine


@dataclass(frozen=True)
class Decision:
    """What a person decided about a batch that `rules` had stopped."""

    accept: bool
    reason: str
    by: str
    at: str
    rules: tuple[str, ...] = ()

    def lets_pass(self, rule: str) -> bool:
        """Whether it was made in spite of this rule."""
        return self.accept and rule in self.rules


@dataclass(frozen=True)
class Rulebook:
    """What a batch is judged by: the suite, what people have decided, and what rules look at besides the rows."""

    suite: Suite
    decision: Decision | None
    around: Surroundings
    quarantine: FromQuarantine = field(default_factory=FromQuarantine)

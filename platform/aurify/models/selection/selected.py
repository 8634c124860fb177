"""What every selection gives: a stage that drops features, with the reason why each was kept or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from aurify.errors import ConfigurationError
from aurify.models.columns import Columns, Numbers


@dataclass(frozen=True)
class Verdict:
    """Why a feature was kept or dropped; a statistic that the rows do not define is not among `statistics`."""

    feature: str
    kept: bool
    reason: str
    statistics: Mapping[str, float]


@dataclass(frozen=True)
class Round:
    """A round of an elimination: by how many features it learned, how it scored held-out rows, what it dropped."""

    features: int
    score: float
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class Selected:
    """A stage that makes nothing and reads what it drops, so that it is no feature any more."""

    method: str
    verdicts: tuple[Verdict, ...]
    rounds: tuple[Round, ...] = ()
    kind: ClassVar[str] = "selected"

    @property
    def kept(self) -> tuple[str, ...]:
        """The features that stay."""
        return tuple(verdict.feature for verdict in self.verdicts if verdict.kept)

    @property
    def reads(self) -> tuple[str, ...]:
        """The features that go."""
        return tuple(verdict.feature for verdict in self.verdicts if not verdict.kept)

    @property
    def outputs(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def categorical(self) -> tuple[str, ...]:
        """None."""
        return ()

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """Nothing: scoring need not even have the columns that were dropped."""
        return {}

    def applied_in_training(self, columns: Columns, fold: Numbers) -> dict[str, Numbers]:
        """Nothing."""
        return {}

    def report(self) -> list[dict[str, object]]:
        """A row for each feature, all with the same columns, for a table or a figure."""
        names = dict.fromkeys(name for verdict in self.verdicts for name in verdict.statistics)
        return [
            {
                "feature": verdict.feature,
                "kept": verdict.kept,
                "reason": verdict.reason,
                **{name: verdict.statistics.get(name) for name in names},
            }
            for verdict in self.verdicts
        ]

    def as_dict(self) -> dict[str, object]:
        """Its values for JSON."""
        return {
            "method": self.method,
            "verdicts": [
                {"feature": told.feature, "kept": told.kept, "reason": told.reason, "statistics": dict(told.statistics)}
                for told in self.verdicts
            ],
            "rounds": [
                {"features": told.features, "score": told.score, "dropped": list(told.dropped)} for told in self.rounds
            ],
        }

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Selected:
        """What `as_dict` gave."""
        rounds = tuple(Round(told["features"], told["score"], tuple(told["dropped"])) for told in values["rounds"])
        return cls(values["method"], tuple(Verdict(**told) for told in values["verdicts"]), rounds)


def selected(method: str, verdicts: Sequence[Verdict], rounds: Sequence[Round] = ()) -> Selected:
    """The stage of these verdicts; ConfigurationError where no feature would be left."""
    if not any(verdict.kept for verdict in verdicts):
        found = f"none of {len(verdicts)} features to keep"
        raise ConfigurationError.of(method, found, "one or more", "ask for less, or give features that tell something")
    return Selected(method, tuple(verdicts), tuple(rounds))

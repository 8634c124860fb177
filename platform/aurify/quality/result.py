"""What a rule found in a batch, in the terms of Great Expectations' result format."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from aurify.quality.rule import OnFail, Rule, Scope
from aurify.quality.values import plain, shown


class Outcome(str, Enum):
    """How a rule ended. Broken is an error of the suite, never blamed on rows; not applicable, an empty batch."""

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"

    def __str__(self) -> str:
        """The words themselves."""
        return self.value


MASKED = "***"
MOST_TOLD = 20


@dataclass(frozen=True)
class RowCounts:
    """Rows by what a rule made of them.

    `elements` met its row_condition; of these, `missing` were passed over for their NULLs, `unexpected` failed,
    and `undetermined` passed because the answer was NULL.
    """

    elements: int
    missing: int
    unexpected: int
    undetermined: int = 0

    @property
    def looked_at(self) -> int:
        """Rows that the rule judged."""
        return self.elements - self.missing

    @property
    def failing_share(self) -> float:
        """Failing rows among those judged; 0 where there are none."""
        return self.unexpected / self.looked_at if self.looked_at else 0.0

    def hold(self, mostly: float) -> bool:
        """Whether the share of rows that pass is at least `mostly`; no row judged is a pass."""
        return not self.looked_at or (self.looked_at - self.unexpected) / self.looked_at >= mostly


@dataclass(frozen=True)
class Judgement:
    """What a table rule found: whether it holds, Great Expectations' `observed_value`, and its `details`.

    `counts` are those of an expectation of rows that is judged over the whole batch.
    """

    holds: bool
    observed: object = None
    details: Mapping[str, object] = field(default_factory=dict)
    counts: RowCounts | None = None
    sample: Sequence[object] = ()


@dataclass(frozen=True)
class RuleResult:
    """How one rule went in one batch. `sample` are some of the values that failed, those
    of personal columns masked."""

    id: str
    text: str
    on_fail: str
    scope: str
    outcome: Outcome
    counts: RowCounts | None = None
    observed: object = None
    details: Mapping[str, object] = field(default_factory=dict)
    sample: Sequence[object] = ()
    stop_above: float | None = None
    measures: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of_rows(
        cls, rule: Rule | None, id: str, text: str, on_fail: OnFail, counts: RowCounts, sample: Sequence[object] = ()
    ) -> RuleResult:
        """The result of a rule of rows; without `rule`, of a check that the engine adds."""
        mostly, scope = (rule.mostly, rule.scope) if rule is not None else (1.0, Scope.ROW)
        outcome = Outcome.PASSED if counts.hold(mostly) else Outcome.FAILED
        if not counts.elements:
            outcome = Outcome.NOT_APPLICABLE
        stop_above = rule.stop_above if rule is not None else None
        return cls(id, text, on_fail.value, scope.value, outcome, counts, sample=sample, stop_above=stop_above)

    @classmethod
    def of_table(
        cls,
        rule: Rule,
        found: Judgement | None,
        kept: Mapping[str, object] | None = None,
        personal: Collection[str] = (),
    ) -> RuleResult:
        """The result of a rule of the batch as a whole; not applicable where nothing was judged.

        `kept` are the measures that later batches are judged by. Values of `personal` columns are told to nobody.
        """
        if found is None:
            outcome, found = Outcome.NOT_APPLICABLE, Judgement(True)
        else:
            outcome = Outcome.PASSED if found.holds else Outcome.FAILED
        if personal and (not rule.columns or any(is_personal(name, personal) for name in rule.columns)):
            found, kept = _masked(found, rule), kept if not rule.columns else {}
        return cls(
            id=rule.id,
            text=rule.text,
            on_fail=rule.on_fail.value,
            scope=rule.scope.value,
            outcome=outcome,
            counts=found.counts,
            observed=found.observed,
            details=found.details,
            sample=found.sample,
            stop_above=rule.stop_above,
            measures=kept or {},
        )

    @property
    def failed(self) -> int:
        """Rows that failed; of a rule that counts no rows, 1 if it failed."""
        return self.counts.unexpected if self.counts is not None else int(self.outcome is Outcome.FAILED)

    @property
    def is_too_many(self) -> bool:
        """Whether more rows fail than the rule lets the batch have."""
        return self.stop_above is not None and self.counts is not None and self.counts.failing_share > self.stop_above

    @property
    def stops(self) -> bool:
        """Whether the batch has to be stopped because of it."""
        if self.is_too_many:
            return True
        if self.on_fail != OnFail.FAIL.value:
            return False
        return self.failed > 0 if self.scope == Scope.ROW.value else self.outcome is Outcome.FAILED

    @property
    def found(self) -> str:
        """What was found, for a message."""
        if self.counts is None:
            return f"{shown(self.observed)} was observed"
        told = f"{self.counts.unexpected} of {self.counts.looked_at} rows break {self.id}"
        share = f", more than {self.stop_above * 100:g} %" if self.is_too_many and self.stop_above is not None else ""
        return told + share

    def as_dict(self) -> dict[str, Any]:
        """For a commit's metadata, the ledger and `--json`; what says nothing is left out."""
        counts = asdict(self.counts) if self.counts is not None else {}
        told = {
            "rule": self.id,
            "on_fail": self.on_fail,
            "scope": self.scope,
            "outcome": self.outcome.value,
            "failed": self.failed,
            **counts,
            "observed": plain(self.observed),
            "details": _few(plain(self.details)),
            "sample": _few(plain(self.sample)),
            "measures": dict(self.measures),
        }
        return {name: value for name, value in told.items() if value not in (None, [], {})}


def is_personal(name: str, personal: Collection[str]) -> bool:
    """Whether a column, or a field of structs in one, holds personal values."""
    return name in personal or name.split(".")[0] in personal


def _few(told: object) -> object:
    """The first entries of lists, however deep: a commit's note is no place for all of them."""
    if isinstance(told, dict):
        return {key: _few(value) for key, value in list(told.items())[: 2 * MOST_TOLD]}
    return [_few(value) for value in told[:MOST_TOLD]] if isinstance(told, list) else told


def _masked(found: Judgement, rule: Rule) -> Judgement:
    """The judgement without values: of a rule of a personal column all of them, of one of the table whole rows."""
    hides = bool(rule.columns) or rule.own is not None  # nobody knows what another's code tells
    observed = MASKED if hides and found.observed is not None else found.observed
    return Judgement(found.holds, observed, {} if hides else found.details, found.counts)


def map_result(told: Mapping[str, Any]) -> dict[str, Any]:
    """The `result` of an expectation of rows as Great Expectations writes it, from `RuleResult.as_dict`."""
    elements, missing, unexpected = (int(told[name]) for name in ("elements", "missing", "unexpected"))
    judged = elements - missing
    of_all = unexpected / elements * 100 if elements else None
    of_judged = unexpected / judged * 100 if judged else None
    return {
        "element_count": elements,
        "unexpected_count": unexpected,
        "unexpected_percent": of_judged,
        "partial_unexpected_list": list(told.get("sample", [])),
        "missing_count": missing,
        "missing_percent": missing / elements * 100 if elements else None,
        "unexpected_percent_total": of_all,
        "unexpected_percent_nonmissing": of_judged,
    }

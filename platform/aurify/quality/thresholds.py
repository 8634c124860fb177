"""Thresholds proposed from how the rules of a suite have gone; none is ever set by itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, pstdev
from typing import Any

from aurify.quality.row_rules import judges_rows
from aurify.quality.rule import OnFail, Rule, Scope
from aurify.quality.table_rules import judges_batch, table_expectation_of

ENOUGH = 5
SIGMAS = 3.0
SLACK = 1.1
_BOUNDS = ("min_value", "max_value")


@dataclass(frozen=True)
class Threshold:
    """One setting of one rule: what it is, what is proposed, and the least and most that was seen, in how many batches.

    Of `stop_above` and `mostly` what was seen are shares of rows: that fail, and that pass.
    """

    rule: str
    setting: str
    now: object
    proposed: float
    least: float
    most: float
    batches: int

    @property
    def change(self) -> str:
        """Whether the proposal says something new, lets more pass, or less."""
        if self.now is None:
            return "new"
        if not isinstance(self.now, int | float) or self.now == self.proposed:
            return "as it is"
        raises = self.proposed > self.now
        return "looser" if raises is (self.setting in ("stop_above", "max_value")) else "tighter"


def propose_thresholds(
    rules: Sequence[Rule], told: Mapping[str, Sequence[Mapping[str, Any]]], enough: int = ENOUGH
) -> list[Threshold]:
    """A threshold for every rule that has one and went through `enough` batches.

    `told` are the ledger's rows by rule id. Of rules that take rows out, `stop_above`; of rules that a share of the
    batch may fail, `mostly`; of measures of the batch, `min_value` and `max_value`.
    """
    found: list[Threshold] = []
    for rule in rules:
        rows = told.get(rule.id, ())
        if judges_rows(rule) or (judges_batch(rule) and table_expectation_of(rule).of_rows):
            found += _of_shares(rule, rows, enough)
        else:
            found += _of_observed(rule, rows, enough)
    return found


def _of_shares(rule: Rule, rows: Sequence[Mapping[str, Any]], enough: int) -> list[Threshold]:
    counts = [(int(r["unexpected"]), int(r["elements"]) - int(r["missing"])) for r in rows if r.get("elements")]
    counts = [(failed, judged) for failed, judged in counts if judged > 0]
    takes_out = rule.scope is Scope.ROW and rule.on_fail in (OnFail.DROP, OnFail.QUARANTINE)
    if len(counts) < enough or not (takes_out or rule.scope is Scope.BATCH):
        return []
    shares = [failed / judged for failed, judged in counts]
    most = upper_share(shares, sum(judged for _, judged in counts))
    if takes_out:
        return [Threshold(rule.id, "stop_above", rule.stop_above, most, min(shares), max(shares), len(shares))]
    passing = round(1 - most, 12)
    return [Threshold(rule.id, "mostly", rule.mostly, passing, 1 - max(shares), 1 - min(shares), len(shares))]


def upper_share(shares: Sequence[float], rows: int) -> float:
    """A share above which a batch is unlike all that were seen, rounded up to two digits; at most 1.

    It is three standard deviations above the mean, a tenth above the largest, and never below what `rows` rows without
    a failure leave possible (the rule of three).

    >>> upper_share([0.01, 0.012, 0.011], 10_000), upper_share([0.0, 0.0], 6_000)
    (0.014, 0.0005)
    """
    spread = fmean(shares) + SIGMAS * pstdev(shares)
    return min(1.0, rounded(max(spread, max(shares) * SLACK, 3 / rows), math.ceil))


def _of_observed(rule: Rule, rows: Sequence[Mapping[str, Any]], enough: int) -> list[Threshold]:
    """Bounds that hold all that was seen, and three standard deviations around its mean."""
    known = judges_batch(rule) and set(_BOUNDS) <= set(table_expectation_of(rule).arguments)
    seen = [json.loads(r["observed"]) for r in rows if r.get("observed")]
    numbers = [float(v) for v in seen if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if not known or len(numbers) < enough:
        return []
    low, high, beyond = min(numbers), max(numbers), SIGMAS * pstdev(numbers)
    bounds = (
        rounded(min(low, fmean(numbers) - beyond), math.floor),
        rounded(max(high, fmean(numbers) + beyond), math.ceil),
    )
    if low >= 0 > bounds[0]:
        bounds = (0.0, bounds[1])
    return [
        Threshold(rule.id, name, rule.kwargs.get(name), bound, low, high, len(numbers))
        for name, bound in zip(_BOUNDS, bounds, strict=True)
    ]


def rounded(value: float, outward: Any, digits: int = 2) -> float:
    """The value with so many digits, rounded one way.

    >>> rounded(0.01237, math.ceil), rounded(1234.0, math.floor), rounded(-5.67, math.floor), rounded(0.0, math.ceil)
    (0.013, 1200.0, -5.7, 0.0)
    """
    if not value:
        return 0.0
    step = math.floor(math.log10(abs(value))) - digits + 1
    whole = outward(round(value / 10.0**step, 9))
    return float(f"{whole}e{step}")


def plainly(number: float) -> str:
    """The number without an exponent, which YAML would read as a text.

    >>> plainly(3e-05), plainly(1.2e7), plainly(0.014)
    ('0.00003', '12000000', '0.014')
    """
    return f"{Decimal(repr(number)):f}".removesuffix(".0")


def as_yaml(thresholds: Sequence[Threshold]) -> str:
    """The proposals as lines to copy into a suite, each rule's with what was seen beside it.

    >>> print(as_yaml([Threshold("known", "stop_above", None, 0.014, 0.01, 0.012, 30)]))
    known:
      stop_above: 0.014  # 0.01 to 0.012 in 30 batches; none until now
    """
    lines: list[str] = []
    last = ""
    for found in thresholds:
        if found.rule != last:
            lines.append(f"{found.rule}:")
        last = found.rule
        now = "none until now" if found.now is None else f"{found.now} until now, {found.change}"
        seen = f"{found.least:g} to {found.most:g} in {found.batches} batches"
        lines.append(f"  {found.setting}: {plainly(found.proposed)}  # {seen}; {now}")
    return "\n".join(lines)

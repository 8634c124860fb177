"""The gate for models: absolute limits, and no worse than the champion on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aurify.models.declare import Gate
from aurify.models.intervals import Interval


@dataclass(frozen=True)
class Decision:
    """Whether a challenger may become champion: every limit with what was found, and all reasons against it."""

    passed: bool
    checks: tuple[str, ...]
    reasons: tuple[str, ...]
    within_limits: bool


@dataclass(frozen=True)
class Versus:
    """The champion on the same rows: the interval of the metric less the champion's, or the columns that it lacks."""

    champion: int
    difference: Interval | None
    missing: tuple[str, ...] = ()


def decide(gate: Gate, metrics: Mapping[str, float | None], versus: Versus | None) -> Decision:
    """Decide by the test's metrics and, where there is a champion, by how it does on the same rows.

    >>> decide(Gate(at_least={"roc_auc": 0.9}), {"roc_auc": 0.85}, None).reasons
    ('roc_auc is 0.85, the gate wants at least 0.9',)
    """
    limits = [(name, limit, "at least") for name, limit in gate.at_least.items()]
    limits += [(name, limit, "at most") for name, limit in gate.at_most.items()]
    checks, reasons = [], []
    for name, limit, side in limits:
        found = metrics.get(name)
        text = f"{name} is {'not defined' if found is None else f'{found:.4g}'}, the gate wants {side} {limit:g}"
        is_met = found is not None and (found >= limit if side == "at least" else found <= limit)
        checks.append(text)
        if not is_met:
            reasons.append(text)
    within = not reasons
    if versus is not None and gate.margin is not None:
        text = _told(gate, versus)
        checks.append(text)
        if versus.difference is None or not versus.difference.low >= -gate.margin:
            reasons.append(text)
    return Decision(not reasons, tuple(checks), tuple(reasons), within)


def _told(gate: Gate, versus: Versus) -> str:
    gap = versus.difference
    if gap is None:
        lacking = ", ".join(versus.missing)
        return f"version {versus.champion} can't be compared, these rows lack {lacking}: a person can promote by hand"
    return (
        f"{gap.metric} less that of version {versus.champion} is {gap.estimate:+.4g}, between {gap.low:+.4g} and "
        f"{gap.high:+.4g} at {gate.level:.0%}, the gate wants {-(gate.margin or 0):+.4g} or more"
    )

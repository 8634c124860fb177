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


def decide(gate: Gate, metrics: Mapping[str, float | None], versus: Interval | None, champion: int | None) -> Decision:
    """Decide by the test's metrics and, where there is a champion, by the interval of the metric less the champion's.

    >>> decide(Gate(at_least={"roc_auc": 0.9}), {"roc_auc": 0.85}, None, None).reasons
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
        text = (
            f"{versus.metric} less that of version {champion} is {versus.estimate:+.4g}, between {versus.low:+.4g} and "
            f"{versus.high:+.4g} at {gate.level:.0%}, the gate wants {-gate.margin:+.4g} or more"
        )
        checks.append(text)
        if not versus.low >= -gate.margin:
            reasons.append(text)
    return Decision(not reasons, tuple(checks), tuple(reasons), within)

"""What a model's file says of its monitoring: what is done by itself, and from which severity on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Monitoring:
    """What alerts of the champion lead to, from a severity on, while nobody has acknowledged them; None: to nothing.

    `retrain` asks for a training, which `aurify retrain --if-needed` does. `roll_back` is about the model's metric on
    rows whose labels have come: the champion before is champion again where it does better on the same rows. `stop`
    lets the champion score nothing more until somebody has acknowledged the alert or another version is champion.

    The metric is that of the newest `window` of days of which `settled`, a share of the rows, have their labels, once
    it has `fewest_positives` of them.
    """

    retrain: str | None = None
    roll_back: str | None = None
    stop: str | None = None
    window: timedelta = timedelta(days=7)
    settled: float = 0.9
    fewest_positives: int = 20

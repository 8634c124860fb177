"""How far a batch is from the reference, column by column: by effect, less what chance alone could do.

An alert asks how large a change is, not whether there is one: with a million rows there always is. The distance of the
two distributions must exceed a limit by more than chance explains, at a level that holds for all columns of a batch
together. What chance explains of the largest distance between two cumulated shares is bounded by the inequality of
Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), of a share by McDiarmid's (1989), of ranks by the
normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aurify.monitoring.alert import SEVERITIES, rank
from aurify.monitoring.profile import Profile

_LEAST_SHARE = 1e-6
_FEW_ROWS = 200
FALSE_ALARMS = 0.01


@dataclass(frozen=True)
class Limits:
    """The least of each severity that a column must differ by, or the model's metric be lost by; none: never told.

    `loss` is the share of the metric that it had on its test.
    """

    distance: Mapping[str, float] = field(default_factory=lambda: {"yellow": 0.005, "orange": 0.1, "red": 0.25})
    shift: Mapping[str, float] = field(default_factory=lambda: {"yellow": 0.005, "orange": 0.07, "red": 0.2})
    missing: Mapping[str, float] = field(default_factory=lambda: {"yellow": 0.01, "orange": 0.1, "red": 0.5})
    unseen: Mapping[str, float] = field(default_factory=lambda: {"yellow": 0.005, "orange": 0.05, "red": 0.25})
    loss: Mapping[str, float] = field(default_factory=lambda: {"yellow": 0.02, "orange": 0.1, "red": 0.25})

    @classmethod
    def told(cls, changed: Mapping[str, Mapping[str, float]] | None) -> Limits:
        """The usual ones with what the settings change; None is a column that no severity is told of."""
        return cls(**({each.name: {} for each in fields(cls)} if changed is None else changed))


USUAL = Limits()


@dataclass(frozen=True)
class Drift:
    """One column of a batch beside the reference. `severity` is empty where there is nothing to tell.

    `distance` is the largest difference of cumulated shares (Kolmogorov-Smirnov on the bins), of categories half the
    sum of all differences. `shift` is by how much likelier than .5 a number now is above one of the reference (Mann and
    Whitney 1947). `surely` is what is left of the distance after chance. `psi`, `jensen_shannon` (base 2) and
    `wasserstein` (in bins) tell of the whole distribution. `missing` and `unseen` are shares less the reference's.
    """

    column: str
    rows: int
    distance: float
    surely: float
    shift: float
    psi: float
    jensen_shannon: float
    wasserstein: float
    missing: float
    unseen: float
    severity: str
    why: tuple[str, ...] = ()


def drifts(
    reference: Mapping[str, Profile],
    batch: Mapping[str, Profile],
    limits: Callable[[str], Limits] = lambda column: USUAL,
    false_alarms: float = FALSE_ALARMS,
) -> list[Drift]:
    """Every column of the batch, those that are worst first; columns that the reference lacks are left out.

    `false_alarms` is the chance of one over all columns of a batch together.
    """
    shared = [name for name in reference if name in batch]
    level = false_alarms / (4 * max(len(shared), 1))  # four questions a column
    found = [_drift(name, reference[name], batch[name], limits(name), level) for name in shared]
    return sorted(found, key=lambda told: (-rank(told.severity), -told.surely, told.column))


def _drift(name: str, then: Profile, now: Profile, limits: Limits, level: float) -> Drift:
    before, after = _shares(then), _shares(now)
    is_category = bool(then.bins.categories)
    differences = after - before
    cumulated = np.cumsum(differences)
    distance = float(np.abs(differences).sum() / 2 if is_category else np.abs(cumulated).max())
    chance = _of_categories(then, now, level) if is_category else _of_numbers(then, now, level)
    surely = max(distance - chance, 0.0) if then.there and now.there else 0.0
    shift = 0.0 if is_category else _shift(before, after)
    missing = _share(now.missing, now.rows) - _share(then.missing, then.rows)
    unseen = float(differences[-1]) if is_category else 0.0
    told = {
        "distance": (surely, limits.distance, f"its distribution moved by {distance:.3f}"),
        "shift": (
            max(abs(shift) - _of_ranks(then, now, level), 0.0),
            limits.shift,
            f"its values are {'higher' if shift > 0 else 'lower'}: {abs(shift):.3f} likelier than half",
        ),
        "missing": (
            _surely(missing, then.rows, now.rows, level),
            limits.missing,
            f"{_share(now.missing, now.rows):.1%} are missing, {_share(then.missing, then.rows):.1%} in training",
        ),
        "unseen": (
            _surely(max(unseen, 0.0), then.there, now.there, level),
            limits.unseen,
            f"{after[-1] if is_category else 0:.1%} are categories that training hardly had",
        ),
    }
    severities = {what: severity_of(value, least) for what, (value, least, _) in told.items()}
    return Drift(
        column=name,
        rows=int(now.rows),
        distance=distance,
        surely=surely,
        shift=shift,
        psi=_psi(before, after),
        jensen_shannon=_jensen_shannon(before, after),
        wasserstein=0.0 if is_category else float(np.abs(cumulated).sum()),
        missing=missing,
        unseen=unseen,
        severity=max(severities.values(), key=rank),
        why=tuple(told[what][2] for what, severity in severities.items() if severity),
    )


def severity_of(value: float, least: Mapping[str, float]) -> str:
    """The gravest severity whose least a value is above; empty where there is none."""
    reached = [severity for severity in SEVERITIES if severity in least and value > least[severity]]
    return reached[-1] if reached else ""


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _shares(profile: Profile) -> NDArray[np.float64]:
    counts = np.asarray(profile.counts, np.float64)
    shares: NDArray[np.float64] = counts / max(float(counts.sum()), 1.0)
    return shares


def _of_numbers(then: Profile, now: Profile, level: float) -> float:
    """How far two samples of one distribution are apart in cumulated shares, at this level: each within its half."""
    return sum(math.sqrt(math.log(4 / level) / (2 * profile.there)) for profile in (then, now) if profile.there)


def _shift(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """How much likelier than .5 it is that a value now is above one of the reference; one of the same bin is half."""
    if not before.sum() or not after.sum():
        return 0.0
    below = np.cumsum(before) - before / 2
    return float((after * below).sum()) - 0.5


def _of_ranks(then: Profile, now: Profile, level: float) -> float:
    """How far the same is from 0 by chance: normal, corrected for ties; by Hoeffding's inequality of a few rows."""
    sizes = (then.there, now.there)
    if min(sizes) < _FEW_ROWS:
        return _by_rows(*sizes, level)
    pooled = (np.asarray(then.counts, np.float64) + np.asarray(now.counts, np.float64)) / sum(sizes)
    variance = max(1 - float((pooled**3).sum()), 0.0) / 12 * sum(1 / size for size in sizes)
    return NormalDist().inv_cdf(1 - level / 2) * math.sqrt(variance)


def _of_categories(then: Profile, now: Profile, level: float) -> float:
    """The same of half the sum of differences: its mean, by Cauchy and Schwarz, and what one row can change of it."""
    mean = sum(math.sqrt((then.bins.count - 1) / (4 * profile.there)) for profile in (then, now) if profile.there)
    return mean + _by_rows(then.there, now.there, level)


def _by_rows(before: float, after: float, level: float) -> float:
    """How far a difference of two shares is from what it is on average, at this level (McDiarmid 1989)."""
    return math.sqrt(math.log(2 / level) / 2 * sum(1 / rows for rows in (before, after) if rows))


def _surely(difference: float, before: float, after: float, level: float) -> float:
    """What is left of a difference of shares after chance."""
    return max(abs(difference) - _by_rows(before, after, level), 0.0)


def _psi(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """The population stability index."""
    then, now = np.maximum(before, _LEAST_SHARE), np.maximum(after, _LEAST_SHARE)
    return float(((now - then) * np.log(now / then)).sum())


def _jensen_shannon(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """The distance of Jensen and Shannon: the root of the divergence to base 2, between 0 and 1."""
    middle = (before + after) / 2

    def divergence(shares: NDArray[np.float64]) -> float:
        there = shares > 0
        return float((shares[there] * np.log2(shares[there] / middle[there])).sum())

    return math.sqrt(max((divergence(before) + divergence(after)) / 2, 0.0))

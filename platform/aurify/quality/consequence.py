"""What follows from a rule: its consequence, what it judges, and the share of rows that may fail it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aurify.errors import did_you_mean
from aurify.quality.entries import Entry
from aurify.quality.rule import OnFail, Scope
from aurify.quality.values import Unfit, shown

SEVERITIES = ("critical", "warning", "info")
OF_ROWS = (OnFail.DROP, OnFail.QUARANTINE)


@dataclass(frozen=True)
class Consequence:
    """The settings of a rule besides its arguments."""

    on_fail: OnFail
    scope: Scope
    mostly: float
    stop_above: float | None


class ConsequenceReader:
    """Reads the settings of one entry; what is wrong goes to `faults`, by key."""

    def __init__(self, entry: Entry, of_rows: bool) -> None:
        self.entry = entry
        self.of_rows = of_rows
        self.faults: list[tuple[str, Unfit]] = []

    def read(self) -> Consequence:
        """The consequence, as far as it can be read."""
        severity = self._choice("severity", SEVERITIES, "critical")
        given = self._choice("on_fail", [str(word) for word in OnFail], None)
        mostly = self._share("mostly", self.entry.arguments.get("mostly"), 1.0)
        stop_above = self._share("stop_above", self.entry.settings.get("stop_above"), None)
        scope = self._scope(given, mostly if mostly is not None else 1.0)
        on_fail = OnFail(given) if given is not None else _default(severity, scope)
        self._check(on_fail, scope, mostly, stop_above)
        return Consequence(on_fail, scope, 1.0 if mostly is None else mostly, stop_above)

    def _choice(self, key: str, words: Sequence[str], default: str | None) -> str | None:
        found = self.entry.settings.get(key, default)
        if found is None or found in words:
            return None if found is None else str(found)
        hint = did_you_mean(str(found), words)
        self.faults.append((key, Unfit(shown(found), f"one of {', '.join(words)}", hint)))
        return default

    def _share(self, key: str, found: object, default: float | None) -> float | None:
        if found is None:
            return default
        if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
            self.faults.append((key, Unfit(shown(found), "a share between 0 and 1", "95 % is written 0.95")))
            return default
        if not self.of_rows and key != "mostly":
            self.faults.append((key, Unfit("a share of rows", "no share: it is no expectation of rows")))
        return float(found)

    def _scope(self, on_fail: str | None, mostly: float) -> Scope:
        """The given scope; else the row, unless a share of the batch may fail and no row is to be taken out."""
        words = [str(scope) for scope in Scope if self.of_rows or scope is not Scope.ROW]
        taken_out = on_fail in [str(word) for word in OF_ROWS]
        default = Scope.ROW if self.of_rows and (mostly == 1.0 or taken_out) else Scope.BATCH
        given = self._choice("scope", words, None)
        return default if given is None else Scope(given)

    def _check(self, on_fail: OnFail, scope: Scope, mostly: float | None, stop_above: float | None) -> None:
        if scope is not Scope.ROW and on_fail in OF_ROWS:
            expected = "on_fail warn or fail: it is a verdict on the batch, not on a row"
            found = f"on_fail {on_fail} with scope {scope}" if self.of_rows else f"on_fail {on_fail}"
            self.faults.append(("on_fail", Unfit(found, expected, "say `on_fail: fail`, or `warn`")))
        if scope is Scope.ROW and on_fail is OnFail.FAIL and mostly not in (None, 1.0):
            hint = "leave `scope` out: the batch is stopped when fewer rows than that pass"
            self.faults.append(("scope", Unfit("scope row with `mostly` and on_fail fail", "scope batch", hint)))


def _default(severity: str | None, scope: Scope) -> OnFail:
    """What Great Expectations' severity means where `on_fail` is not given."""
    if severity != "critical":
        return OnFail.WARN
    return OnFail.QUARANTINE if scope is Scope.ROW else OnFail.FAIL

"""The balance of a batch: every row that was assayed is somewhere, and every term is a count of its own."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from aurify.errors import DataError, Problem

BEFORE = ("quarantined", "dropped", "superseded", "offered")
AFTER = ("inserted", "updated", "deleted", "stale", "unchanged")


@dataclass(frozen=True)
class Balance:
    """assayed = quarantined + dropped + superseded + offered;
    offered + removed = inserted + updated + deleted + stale + unchanged. All in rows.

    `read` is what the batch's input held, `withdrawn` the removed input rows whose results are deletes,
    `removed` the rows of recomputed groups that are no longer there: deletes that no row of the batch stands for.
    """

    read: int = 0
    withdrawn: int = 0
    assayed: int = 0
    quarantined: int = 0
    dropped: int = 0
    superseded: int = 0
    offered: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    stale: int = 0
    unchanged: int = 0
    removed: int = 0

    def with_counts(self, **counts: int) -> Balance:
        """The balance with more of its terms known."""
        return replace(self, **counts)

    def as_dict(self) -> dict[str, int]:
        """All terms by name."""
        return asdict(self)

    def problem_before(self, rows_same: bool) -> Problem | None:
        """What does not add up before the commit."""
        parts = self.quarantined + self.dropped + self.superseded + self.offered
        if parts != self.assayed:
            return self._problem("assayed", self.assayed, BEFORE)
        if rows_same and self.assayed != self.read + self.withdrawn:
            return Problem(
                "balance",
                f"{self.assayed} rows assayed of {self.read} read and {self.withdrawn} withdrawn",
                'as many rows as were read, since the table says rows="same"',
                "the function loses or multiplies rows: look at its joins and filters",
            )
        return None

    def problem_after(self) -> Problem | None:
        """What does not add up after the commit."""
        parts = self.inserted + self.updated + self.deleted + self.stale + self.unchanged
        whole = self.offered + self.removed
        return None if parts == whole else self._problem("offered and removed", whole, AFTER)

    def _problem(self, whole: str, rows: int, parts: tuple[str, ...]) -> Problem:
        counts = {name: int(getattr(self, name)) for name in parts}
        told = " + ".join(f"{count} {name}" for name, count in counts.items())
        return Problem("balance", f"{told} = {sum(counts.values())}", f"{rows} {whole}", "")


class BalanceError(DataError):
    """Rows are missing, or too many: the batch is stopped."""

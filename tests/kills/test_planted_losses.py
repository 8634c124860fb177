"""One row lost on purpose in every term of the balance: each is told, and nothing is lost for good.

What each term is counted from, and what that is held against:

    read         records counted in the files, or named by the input's log; assayed, where rows="same"
    assayed      Spark's own count of the rows handed to the write; the four verdicts
    quarantined  footers of its staged files, and numRecords of its commit; assayed
    dropped, superseded, offered: footers of the staged files of each; assayed
    removed      footers of its staged files; the rows handed to their write
    inserted, updated, deleted: the change images that were written; offered and removed
    stale, unchanged: footers of the files they were written to, for a MERGE a join; offered and removed
    the commit   numRecords of the files it added; those it removed, and inserted less deleted
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from aurify.publish.balance import BalanceError
from aurify.workflows.lake import Lake
from aurify.workflows.restore import restore
from tests.kills import plants
from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.picture import Rows, differences, rows_by_log, rows_by_spark
from tests.kills.plants import Plant

pytestmark = pytest.mark.timeout(1800)

BRONZE, SILVER, GOLD = TABLES
STARTS = {BRONZE: "day 1", SILVER: "bronze of day 2", GOLD: "silver of day 2"}
BEFORE_THE_COMMIT: Mapping[str, tuple[str, Plant]] = {
    "a line that the source did not read": (BRONZE, plants.by_the_source),
    "a good row of bronze": (BRONZE, plants.after_staging(BRONZE, "ok")),
    "an offered row": (SILVER, plants.after_staging(SILVER, "ok")),
    "a quarantined row": (SILVER, plants.after_staging(SILVER, "quarantine")),
    "a dropped row": (SILVER, plants.after_staging(SILVER, "drop")),
    "a superseded row": (SILVER, plants.after_staging(SILVER, "superseded")),
    "a row of the commit of quarantine": (SILVER, plants.by_the_quarantine_commit),
    "a row of a group": (GOLD, plants.while_staging(GOLD, "ok")),
    "a removed row of a group": (GOLD, plants.while_staging(GOLD, "removed")),
}
OF_DAY_6, LARGE_OF_DAY_1 = "placed_on = '2024-01-06'", "placed_on = '2024-01-01' AND band = 'large'"
BY_THE_COMMIT: Mapping[str, tuple[str, Plant]] = {
    "a row committed in place": (BRONZE, plants.by_the_commit(BRONZE)),
    "an inserted row": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o24'")),
    "an updated row": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o1'")),
    "a deleted row": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o2'")),
    "a stale row": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o10'")),
    "an unchanged row": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o11'")),
    "a row that stood there": (SILVER, plants.by_the_rewrite(SILVER, "verdict = 'rewritten' AND order_no = 'o12'")),
    "an image after": (SILVER, plants.by_the_rewrite(SILVER, "_change_type = 'update_postimage' AND order_no = 'o1'")),
    "an image before": (SILVER, plants.by_the_rewrite(SILVER, "_change_type = 'update_preimage' AND order_no = 'o1'")),
    "an inserted row of a MERGE": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o24'")),
    "an updated row of a MERGE": (SILVER, plants.by_the_settling(SILVER, "order_no <> 'o1'")),
    "a stale row beside a MERGE": (SILVER, plants.by_the_counting_join(SILVER, "order_no <> 'o10'")),
    "an unchanged row beside a MERGE": (SILVER, plants.by_the_counting_join(SILVER, "order_no <> 'o11'")),
    "an inserted row of a group": (GOLD, plants.by_the_settling(GOLD, f"NOT ({OF_DAY_6})")),
    "a deleted row of a group": (GOLD, plants.by_the_settling(GOLD, f"NOT ({LARGE_OF_DAY_1})")),
    "a row of a group that stood there": (
        GOLD,
        plants.by_the_rewrite(GOLD, "verdict = 'rewritten' AND placed_on = '2024-01-02' AND band = 'large'"),
    ),
}


@pytest.mark.parametrize("loss", BEFORE_THE_COMMIT)
def test_a_row_lost_before_the_commit_is_told_and_nothing_is_published(
    loss: str, bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, plant = BEFORE_THE_COMMIT[loss]
    root = bases.copy(STARTS[table], tmp_path / "lake")
    with monkeypatch.context() as planted:
        plant(planted.setattr)
        error = refused(bases.open(root), table)
    assert "nothing was published" in error.title
    assert not differences(rows_by_log(root), bases.by_log(STARTS[table]))
    if loss in ("a good row of bronze", "an offered row"):
        assert bases.open(root).refresh().exit_code == 0
        assert not differences(rows_by_log(root), bases.by_log("day 2"))


def test_a_row_lost_by_a_function_of_as_many_rows_is_told(bases: Bases, tmp_path: Path) -> None:
    root = bases.copy("bronze of day 2", tmp_path / "lake")
    lake = plants.by_the_function(SILVER, "order_no <> 'o24' OR order_no IS NULL")(bases.open(root))
    error = refused(lake, SILVER)
    assert 'rows="same"' in error.problems[0].expected
    assert not differences(rows_by_log(root), bases.by_log("bronze of day 2"))


@pytest.mark.parametrize("loss", BY_THE_COMMIT)
def test_a_row_lost_by_the_commit_is_told(
    loss: str, bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, plant = BY_THE_COMMIT[loss]
    root = bases.copy("bronze of day 2 by Spark" if "MERGE" in loss else STARTS[table], tmp_path / "lake")
    with monkeypatch.context() as planted:
        plant(planted.setattr)
        refused(bases.open(root), table)


def test_a_loss_by_the_commit_stops_the_table_until_it_is_restored(
    bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = bases.copy("bronze of day 2", tmp_path / "lake")
    with monkeypatch.context() as planted:
        plants.by_the_rewrite(SILVER, "verdict = 'rewritten' AND order_no = 'o12'")(planted.setattr)
        error = refused(bases.open(root), SILVER)
    assert f"aurify restore {SILVER} --to 1" in error.render()
    refused(bases.open(root), SILVER)
    restore(bases.open(root), SILVER, to=1)
    assert bases.open(root).refresh().exit_code == 0
    # The way of the commit differs, a rebuild for a rewrite, and so do the columns of the files that no reader sees.
    assert not differences(rows_of_tables(rows_by_spark(bases.open(root))), rows_of_tables(bases.by_spark("day 2")))


def test_a_loss_in_the_first_batch_has_a_way_on(bases: Bases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = bases.copy("nothing", tmp_path / "lake")
    with monkeypatch.context() as planted:
        plants.by_the_commit(BRONZE)(planted.setattr)
        error = refused(bases.open(root), BRONZE)
    assert "--to 0" not in error.render()
    assert f"aurify refresh {BRONZE} --full" in error.render()
    assert bases.open(root).refresh(BRONZE, full=True).exit_code == 0
    expected = bases.by_log("day 1")[f"rows of {BRONZE}"]
    assert rows_by_log(root, [BRONZE])[f"rows of {BRONZE}"] == expected


def refused(lake: Lake, table: str) -> BalanceError:
    """Refresh one table, which must end with a balance that does not add up."""
    report = lake.refresh(table)
    error = report.tables[table].error
    assert isinstance(error, BalanceError), report.as_dict()
    assert report.exit_code == 1
    return error


def rows_of_tables(picture: Mapping[str, Rows]) -> dict[str, Rows]:
    """The rows of the tables alone."""
    return {name: picture[name] for name in TABLES}

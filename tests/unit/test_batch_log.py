"""The batch log: one file a batch, the first writer counts, and the sum of the batches is what was consumed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from aurify.errors import ConfigurationError
from aurify.publish.batch_log import CHECKPOINT_EVERY, MOST_FILES, Batch, BatchLog, Consumed, FileDelivery, VersionRange
from aurify.storage import Storage


def delivery(path: str, delivery: int = 1) -> FileDelivery:
    return FileDelivery(
        path=path, size=10, modified_ms=1000, sha256="ab", records=1, delivery=delivery, delivered_ms=1000 + delivery
    )


def versions(to: int, after: int = -1) -> VersionRange:
    return VersionRange(table="bronze.x", table_id="id", generation=1, after=after, to=to)


def batch(number: int, *files: FileDelivery, revision: int = 1, generation: int = 1, **more: object) -> Batch:
    given = {"number": number, "revision": revision, "generation": generation, "files": files, **more}
    return Batch.model_validate({"table": "silver.x", "run": "r", "recorded_at": "2024-01-01T00:00:00", **given})


@pytest.fixture
def log(tmp_path: Path) -> BatchLog:
    return BatchLog(Storage(), str(tmp_path / "table"), 1)


def test_the_first_record_of_a_number_counts_and_is_given_back_to_the_second_writer(log: BatchLog) -> None:
    first = log.record(batch(1, delivery("a.csv")))
    assert log.record(batch(1, delivery("b.csv"))) == first
    assert log.batch(1) == first
    assert log.numbers() == [1]


def test_the_newest_revision_of_a_batch_counts(log: BatchLog) -> None:
    log.record(batch(1, delivery("a.csv"), delivery("b.csv")))
    second = log.record(batch(1, delivery("a.csv"), revision=2))
    assert log.batch(1) == second
    assert log.batch(1, revision=1) != second
    assert list(log.consumed(1).files) == ["a.csv"]
    assert log.record(batch(1, revision=1)) == second, "an older revision does not come back"


def test_a_record_reads_back_as_it_was_written(log: BatchLog) -> None:
    whole = batch(
        3,
        delivery("day 1/ä%20.csv", 2),
        kind="full",
        changes={"lines": versions(7, 3)},
        lookups={"products": versions(4, 4)},
    )
    log.record(whole)
    assert log.batch(3) == whole
    assert (whole.label, batch(1, generation=2).label) == ("batch 3", "batch 1 of generation 2")


def test_a_record_with_a_key_that_nobody_knows_is_refused(log: BatchLog) -> None:
    log.record(batch(1))
    file = Path(log.folder) / "000000001.r1.json"
    file.write_text(file.read_text().replace('"run"', '"runn"'))
    with pytest.raises(ValidationError):
        log.batch(1)


def test_consumed_is_the_sum_of_the_batches_up_to_a_number(log: BatchLog) -> None:
    log.record(batch(1, delivery("a.csv"), changes={"lines": versions(3)}))
    log.record(batch(2, delivery("a.csv", 2), delivery("b.csv"), changes={"lines": versions(9, 3)}))
    log.record(batch(3, delivery("c.csv")))
    assert log.consumed(0) == Consumed()
    two = log.consumed(2)
    assert (two.number, {p: f.delivery for p, f in two.files.items()}) == (2, {"a.csv": 2, "b.csv": 1})
    assert two.versions == {"lines": versions(9, 3)}
    assert two.plus(batch(3, delivery("c.csv"))) == log.consumed(3)


def test_a_missing_record_is_named(log: BatchLog) -> None:
    log.record(batch(1))
    log.record(batch(3))
    assert log.is_whole(1)
    assert not log.is_whole(3)
    with pytest.raises(ConfigurationError, match="no record of batch 2"):
        log.consumed(3)


def test_a_checkpoint_spares_the_records_before_it(log: BatchLog) -> None:
    last = CHECKPOINT_EVERY + 2
    for number in range(1, last + 1):
        log.record(batch(number, delivery(f"{number}.csv")))
    plain = log.consumed(last - 1)
    assert any("checkpoint" in name for name in log.storage.names(log.folder))
    for number in range(1, last - 1):
        (Path(log.folder) / f"{number:09d}.r1.json").unlink()
    assert log.is_whole(last)
    assert log.consumed(last - 1) == plain
    assert log.consumed(last) == plain.plus(batch(last, delivery(f"{last}.csv")))


def test_a_record_of_many_files_is_read_once(log: BatchLog) -> None:
    log.record(batch(1, *(delivery(f"{number}.csv") for number in range(MOST_FILES + 1))))
    plain = log.consumed(1)
    assert any("checkpoint" in name for name in log.storage.names(log.folder))
    (Path(log.folder) / "000000001.r1.json").unlink()
    assert log.consumed(1) == plain
    assert len(plain.files) == MOST_FILES + 1


def test_a_generation_that_begins_from_another_has_its_input(log: BatchLog) -> None:
    log.record(batch(1, delivery("a.csv")))
    base = log.consumed(1).model_copy(update={"number": 0})
    second = BatchLog(log.storage, log.folder.removesuffix("/_aurify/1"), 2)
    second.begin_from(base)
    second.record(batch(1, delivery("b.csv"), generation=2))
    assert set(second.consumed(0).files) == {"a.csv"}
    assert set(second.consumed(1).files) == {"a.csv", "b.csv"}
    assert BatchLog.generations(log.storage, log.folder.removesuffix("/_aurify/1")) == [1, 2]


def test_every_delivery_but_the_first_stays_known(log: BatchLog) -> None:
    log.record(batch(1, delivery("a.csv"), delivery("b.csv")))
    log.record(batch(2, delivery("a.csv", 2)))
    log.record(batch(3, delivery("a.csv", 3)))
    assert log.consumed(3).redelivered == (delivery("a.csv", 2), delivery("a.csv", 3))


def test_a_log_that_is_gone_is_not_whole(log: BatchLog) -> None:
    log.record(batch(1))
    shutil.rmtree(log.folder)
    assert not log.is_whole(0)
    assert not log.is_whole(1)
    assert BatchLog.generations(log.storage, log.folder.removesuffix("/_aurify/1")) == []


def test_a_generation_from_a_restore_is_not_whole_without_its_base(log: BatchLog) -> None:
    second = BatchLog(log.storage, log.folder.removesuffix("/_aurify/1"), 2)
    second.record(batch(1, delivery("b.csv"), generation=2))
    assert not second.is_whole(1)
    second.begin_from(Consumed(files={"a.csv": delivery("a.csv")}))
    assert second.is_whole(1)


def test_a_generation_from_a_rebuild_needs_no_base(log: BatchLog) -> None:
    second = BatchLog(log.storage, log.folder.removesuffix("/_aurify/1"), 2)
    second.record(batch(1, generation=2, kind="full"))
    second.record(batch(2, generation=2))
    assert second.is_whole(2)


def test_a_stopped_batch_stays_stopped_until_it_is_released(log: BatchLog) -> None:
    log.record(batch(1))
    assert log.stopped(1) is None
    log.stop(1, "why")
    log.stop(1, "why, again")
    assert log.stopped(1) == "why, again"
    assert log.numbers() == [1], "a stop is no record"
    log.release(1)
    log.release(1)
    assert log.stopped(1) is None


def test_a_batch_that_is_called_off_was_never_there(log: BatchLog) -> None:
    second = BatchLog(log.storage, log.folder.removesuffix("/_aurify/1"), 2)
    log.record(batch(1))
    second.record(batch(1, generation=2, kind="full"))
    second.record(batch(1, generation=2, kind="full", revision=2))
    second.stop(1, "why")
    second.call_off(1)
    assert (second.numbers(), second.stopped(1)) == ([], None)
    assert BatchLog.generations(log.storage, log.folder.removesuffix("/_aurify/1")) == [1]

"""The generator without Spark: what lands when, what a line says, and what the answers promise."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pytest

from aurify.errors import ConfigurationError
from aurify.quality.suite import load_suite
from retail.generate.answers import Record
from retail.generate.bad_files import bad_files
from retail.generate.faults import BRONZE, FAULTS, HEADER, SILVER
from retail.generate.landing import write_delivery
from retail.generate.lines import NO_FAULT, Lines, lines_of
from retail.generate.schedule import BLOCK, Delivery, Tills, landing
from retail.generate.text import csv_bytes

ROOT = Path(__file__).parents[2]
SMALL = Tills(rows_per_day=2_000, seed=7, start=date(2024, 1, 1))
PLAIN = Tills(rows_per_day=2_000, seed=7, start=date(2024, 1, 1), faults=False, disorder=False)
CALM = Tills(rows_per_day=2_000, seed=7, start=date(2024, 1, 1), faults=False)
Row = dict[str, str]


def all_lines(delivery: Delivery) -> list[Lines]:
    return list(lines_of(delivery))


def numbered(delivery: Delivery, repeated: bool = False) -> list[tuple[int, int]]:
    """Day and number of the lines of a file; repeated ones only if asked for."""
    chunks = (lines.where(lines.repeated == repeated) for lines in lines_of(delivery))
    return [(day, row) for c in chunks for day, row in zip(c.day.tolist(), c.row.tolist(), strict=True)]


def land(folder: Path, tills: Tills, *cuts: int) -> Record:
    """Land the days up to each cut, one landing after the other."""
    spans = zip((0, *cuts), cuts, strict=False)
    return reduce(
        add, (write_delivery(folder, d) for first, end in spans for d in landing(tills, first, end)), Record()
    )


def rows_of(path: Path) -> Iterator[list[str]]:
    with gzip.open(path, "rt", encoding="UTF-8", newline="") as text:
        header, *rows = csv.reader(text)
        assert tuple(header) == HEADER
        yield from rows


def test_days_that_land_one_by_one_end_as_the_days_that_land_at_once(tmp_path: Path) -> None:
    one_by_one = land(tmp_path / "days", SMALL, 1, 2, 3, 4, 5)
    at_once = land(tmp_path / "once", SMALL, 5)

    files = sorted(p.name for p in (tmp_path / "once").iterdir())
    assert files == [f"2024-01-0{n}.csv.gz" for n in range(1, 6)]
    for name in files:
        days, once = tmp_path / "days" / name, tmp_path / "once" / name
        assert (days.read_bytes(), days.stat().st_mtime) == (once.read_bytes(), once.stat().st_mtime)
    live = ("rows", "cancelled", "known_customers", "units", "amount")
    silver = one_by_one.expected()[SILVER], at_once.expected()[SILVER]
    assert [silver[0][key] for key in live] == [silver[1][key] for key in live]
    assert (silver[0]["removed"], silver[1]["removed"]) > (0, 0)


def test_a_corrected_file_lands_under_its_path_a_second_time_and_later_than_all_before() -> None:
    first, second = landing(SMALL, 0, 1), landing(SMALL, 1, 2)

    assert [(d.file, d.version, d.number) for d in first] == [("2024-01-01.csv.gz", 1, 1)]
    assert [(d.file, d.version, d.number) for d in second] == [("2024-01-01.csv.gz", 2, 2), ("2024-01-02.csv.gz", 1, 1)]
    assert second[0].delivered_at > second[1].delivered_at > first[0].delivered_at


def test_a_corrected_file_that_lands_once_is_its_first_delivery() -> None:
    assert [(d.version, d.number) for d in landing(SMALL, 0, 2)] == [(2, 1), (1, 1)]


@pytest.mark.parametrize("files_per_day", [1, 3])
def test_every_line_of_a_day_comes_once_on_its_day_or_the_next(files_per_day: int) -> None:
    tills = Tills(2_000, 7, date(2024, 1, 1), files_per_day=files_per_day, faults=False)
    first_deliveries = [Delivery(tills, day, part) for day in range(3) for part in range(files_per_day)]
    came = Counter(line for d in first_deliveries for line in numbered(d))

    assert set(came.values()) == {1}
    assert {row for day, row in came if day == 1} == set(range(2_000))
    assert {row for day, row in came if day == 2} == set(range(tills.in_time))


def test_repeated_lines_say_the_same_in_both_files(tmp_path: Path) -> None:
    repeated = numbered(Delivery(SMALL, 2), repeated=True)
    land(tmp_path, SMALL, 3)

    assert repeated == [(1, row) for row in range(BLOCK)]
    before = Delivery(SMALL, 1)
    original = list(rows_of(tmp_path / before.file))[before.late : before.late + BLOCK]
    again = list(rows_of(tmp_path / "2024-01-03.csv.gz"))[before.late : before.late + BLOCK]
    assert original == again


def test_no_invoice_stands_in_two_files_unless_it_is_repeated() -> None:
    tills = Tills(2_000, 7, date(2024, 1, 1), files_per_day=3, faults=False)
    places: dict[tuple[int, int], set[str]] = {}
    for delivery in (Delivery(tills, day, part) for day in range(2) for part in range(3)):
        for lines in lines_of(delivery):
            for invoice in zip(lines.day.tolist(), lines.invoice.tolist(), strict=True):
                places.setdefault(invoice, set()).add(delivery.file)

    assert {len(files) for files in places.values()} == {1}


def test_invoices_have_1_to_30_lines() -> None:
    (lines,) = all_lines(Delivery(PLAIN, 0))
    sizes = Counter(lines.invoice.tolist()).values()

    assert min(sizes) >= 1
    assert max(sizes) <= 30


def test_a_tidy_day_has_exactly_its_lines(tmp_path: Path) -> None:
    record = land(tmp_path, PLAIN, 2)

    assert [d.lines for d in record.deliveries] == [2_000, 2_000]
    assert record.expected()[SILVER]["rows"] == 4_000


def test_the_text_of_a_seed_stays_the_same_from_version_to_version(tmp_path: Path) -> None:
    land(tmp_path, SMALL, 1)
    text = gzip.decompress((tmp_path / "2024-01-01.csv.gz").read_bytes())

    assert hashlib.sha256(text).hexdigest() == "b88a9e6bdf2f925ba3ab63b0bdbe0a6c4b52879c5a1224d883e1724a8e34fa82"


def test_another_seed_gives_other_lines_in_as_many_rows(tmp_path: Path) -> None:
    other = Tills(2_000, 8, date(2024, 1, 1))
    one, two = land(tmp_path / "one", SMALL, 1), land(tmp_path / "two", other, 1)

    assert one.deliveries[0].lines == two.deliveries[0].lines
    assert (tmp_path / "one/2024-01-01.csv.gz").read_bytes() != (tmp_path / "two/2024-01-01.csv.gz").read_bytes()


def test_a_day_that_is_made_in_chunks_is_the_same_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = land(tmp_path / "whole", SMALL, 2)
    monkeypatch.setattr("retail.generate.lines.CHUNK", 311)
    cut = land(tmp_path / "cut", SMALL, 2)

    assert whole == cut
    assert (tmp_path / "whole/2024-01-02.csv.gz").read_bytes() == (tmp_path / "cut/2024-01-02.csv.gz").read_bytes()


def test_more_is_bought_before_christmas() -> None:
    january, december = (all_lines(Delivery(PLAIN, day))[0].quantity for day in (3, 346))

    assert np.abs(december).mean() > 1.3 * np.abs(january).mean()


def test_till_text_has_what_real_tills_write(tmp_path: Path) -> None:
    land(tmp_path, PLAIN, 1)
    rows = [dict(zip(HEADER, row, strict=True)) for row in rows_of(tmp_path / "2024-01-01.csv.gz")]
    unknown = sum(row["CustomerID"] == "" for row in rows) / len(rows)
    names: dict[str, set[str]] = {}
    for row in rows:
        names.setdefault(row["StockCode"].upper(), set()).add(row["Description"])

    assert unknown == pytest.approx(0.25, abs=0.05)
    assert all(int(row["Quantity"]) < 0 for row in rows if row["InvoiceNo"].startswith("C"))
    assert any(row["InvoiceNo"].startswith("C") for row in rows)
    assert any(row["StockCode"] != row["StockCode"].upper() for row in rows)
    assert any(len(ways) > 1 for ways in names.values())
    assert any('"' in row["Description"] for row in rows)
    assert any("," in row["Description"] for row in rows)
    assert {row["InvoiceDate"][:10] for row in rows} == {"2024-01-01"}


def test_every_kind_of_fault_is_planted_within_two_days(tmp_path: Path) -> None:
    record = reduce(add, (write_delivery(tmp_path, Delivery(SMALL, day)) for day in (0, 1)))

    assert {answer.fault for answer in record.answers} == {fault.name for fault in FAULTS}


def test_answers_name_the_rows_that_have_the_fault(tmp_path: Path) -> None:
    record = reduce(add, (write_delivery(tmp_path, Delivery(SMALL, day)) for day in (0, 1)))
    faults = {fault.name: fault for fault in FAULTS}
    for answer in record.answers:
        assert answer.row is not None
        row, fault = list(rows_of(tmp_path / answer.file))[answer.row - 1], faults[answer.fault]
        expected = {name: next(csv.reader([text]), [""]) for name, text in fault.text.items()}

        assert (len(row) != len(HEADER)) == bool(fault.shape), answer
        assert {name: [row[HEADER.index(name)]] for name in expected} == {n: t or [""] for n, t in expected.items()}


def test_lines_without_an_answer_are_those_of_a_generator_without_faults(tmp_path: Path) -> None:
    record, _ = land(tmp_path / "with", SMALL, 2), land(tmp_path / "without", CALM, 2)
    answered = {(answer.file, answer.row) for answer in record.answers}
    for name in ("2024-01-01.csv.gz", "2024-01-02.csv.gz"):
        pairs = zip(rows_of(tmp_path / "with" / name), rows_of(tmp_path / "without" / name), strict=True)
        differ = {(name, at) for at, (one, two) in enumerate(pairs, 1) if one != two}

        assert differ == {place for place in answered if place[0] == name}


def test_a_corrected_file_has_no_faults() -> None:
    (lines,) = all_lines(Delivery(SMALL, 0, version=2))

    assert set(lines.fault.tolist()) == {NO_FAULT}


def test_expected_totals_are_those_that_plain_python_counts(tmp_path: Path) -> None:
    record = land(tmp_path, SMALL, 1, 2, 3, 4)
    kept_out = {(a.file, a.row, a.delivery) for a in record.answers if a.verdict != "warn"}
    standing = {d.file: d.delivery for d in record.deliveries}
    lines: dict[tuple[str, str, int], Row] = {}
    for name, delivery in standing.items():
        counted: Counter[tuple[str, str]] = Counter()
        for at, values in enumerate(rows_of(tmp_path / name), 1):
            if (name, at, delivery) in kept_out:
                continue
            row = dict(zip(HEADER, values, strict=True))
            group = row["InvoiceNo"], row["StockCode"].upper()
            counted[group] += 1
            lines[group[0], group[1], counted[group]] = row

    expected = record.expected()[SILVER]
    assert len(lines) == expected["rows"]
    assert sum(row["CustomerID"] != "" for row in lines.values()) == expected["known_customers"]
    assert sum(row["InvoiceNo"].startswith("C") for row in lines.values()) == expected["cancelled"]
    assert sum(int(row["Quantity"]) for row in lines.values()) == expected["units"]
    amount = sum(int(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in lines.values())
    assert f"{amount:.2f}" == expected["amount"]


def test_every_rule_that_answers_name_exists_and_every_rule_on_rows_of_the_tills_is_named() -> None:
    for table, name in ((BRONZE, "bronze_pos_lines"), (SILVER, "silver_pos_lines")):
        spec = importlib.import_module(f"retail.tables.{name}").pos_lines.__aurify_table__
        suite = load_suite(ROOT / f"quality/suites/{name}.yml", table, spec.schema)
        named = {rule for fault in FAULTS if fault.table == table for rule in fault.rules}
        built_in = {rule for rule in named if rule.startswith(("cast(", "key_not_null(", "row_shape"))}

        assert named - built_in == {rule.id for rule in suite.rules}


def test_records_that_were_kept_are_read_again(tmp_path: Path) -> None:
    record = land(tmp_path / "pos_lines", SMALL, 1, 2)
    record.write(tmp_path / "answers")

    assert Record.read(tmp_path / "answers") == record
    assert Record.read(tmp_path / "nowhere") == Record()


def test_a_landing_that_is_repeated_replaces_its_record(tmp_path: Path) -> None:
    record, first = land(tmp_path, SMALL, 1, 2), land(tmp_path, SMALL, 1)

    assert record.before(SMALL.day(2)) == first


def test_each_bad_file_is_bad_in_its_own_way() -> None:
    made = bad_files(SMALL)

    assert sorted(made) == ["truncated", "wrong_encoding", "wrong_header", "wrong_magic", "zero_bytes"]
    assert made == bad_files(SMALL)
    assert len({name for name, _ in made.values()}) == len(made)


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("rows_per_day", lambda: Tills(0, 1, date(2024, 1, 1))),
        ("files_per_day", lambda: Tills(1, 1, date(2024, 1, 1), files_per_day=0)),
        ("days", lambda: landing(SMALL, 3, 3)),
        ("days", lambda: landing(SMALL, -1, 3)),
    ],
)
def test_options_that_make_no_sense_are_named(key: str, make: object) -> None:
    assert callable(make)
    with pytest.raises(ConfigurationError) as told:
        make()
    assert [problem.key for problem in told.value.problems] == [key]


def test_one_line_a_day_is_a_day(tmp_path: Path) -> None:
    record = land(tmp_path, Tills(1, 3, date(2024, 1, 1), faults=False), 1, 2, 3)

    assert record.expected()[SILVER]["rows"] == 3 - record.expected()[SILVER]["removed"]  # type: ignore[operator]


def test_where_nothing_is_sold_nothing_is_written() -> None:
    some = all_lines(next(iter(landing(SMALL, 0, 1))))[0]
    none = some.where(np.zeros(len(some.day), dtype=bool))
    assert bytes(csv_bytes(none, SMALL)) == b""
    assert bytes(csv_bytes(some, SMALL)).endswith(b"\n")

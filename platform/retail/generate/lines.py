"""The till lines behind the files: which there are, and what was sold. Every value is a hash of seed, day and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from retail.generate.draws import Draw, Flags, Ints
from retail.generate.faults import FAULTS, NEGATIVE_CENTS, ONE_LINE_IN
from retail.generate.schedule import BLOCK, INVOICES_A_BLOCK, Delivery, Tills

CHUNK = 65_536
"""Lines that are made at a time."""

CUSTOMERS = 4372
FIRST_CUSTOMER = 12_346
NO_CUSTOMER = -1
NO_FAULT = -1
PRODUCTS = 4080
_QUANTITIES = np.array((1,) * 10 + (2,) * 6 + (3,) * 3 + (4,) * 3 + (6,) * 4 + (8, 10, 12, 12, 24, 48))
_BY_MONTH = (85, 85, 90, 95, 95, 95, 90, 90, 100, 110, 135, 170)
_BY_WEEKDAY = (90, 90, 95, 100, 115, 135, 75)
_PRICE_NEGATIVE = next(i for i, fault in enumerate(FAULTS) if fault.name == "price_negative")


@dataclass(frozen=True)
class Lines:
    """Lines of one file, in its order, as columns; `fault` is a number in `FAULTS`.

    `removed` marks those that a correction of the file takes away.
    """

    day: Ints
    row: Ints
    invoice: Ints
    product: Ints
    customer: Ints
    home: Ints
    spelling: Ints
    quantity: Ints
    cents: Ints
    fault: Ints
    cancelled: Flags
    repeated: Flags
    removed: Flags

    def __len__(self) -> int:
        return len(self.row)

    def where(self, kept: Flags) -> Lines:
        """Some of the lines."""
        return Lines(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def lines_of(delivery: Delivery) -> Iterator[Lines]:
    """The lines of one file, in chunks.

    What a line says depends on seed, day, number and version, not on the file that it stands in: a repeated line
    is the same line.
    """
    for start in range(0, delivery.most_lines, CHUNK):
        place = np.arange(start, min(start + CHUNK, delivery.most_lines), dtype=np.int64)
        made = _made(delivery, place)
        yield made.where(~made.removed) if delivery.version == 2 else made


def _made(delivery: Delivery, place: Ints) -> Lines:
    tills = delivery.tills
    older = delivery.late + delivery.repeated
    own = place >= older
    day = np.where(own, delivery.day, delivery.day - 1)
    earlier = np.where(place < delivery.late, tills.in_time + place, place - delivery.late)
    row = np.where(own, delivery.own.start + place - older, earlier)
    corrected = own & (delivery.version == 2)

    invoice = _invoice(tills, day, row)
    by_invoice, by_line = Draw.of(tills.seed, "invoice", day, invoice), Draw.of(tills.seed, "line", day, row)
    by_correction = Draw.of(tills.seed, "correction", day, row)
    product, customer, cancelled = _product(by_line), _customer(by_invoice), by_invoice.below(200, 2) < 4
    fault = _fault(tills, day, row) if delivery.version == 1 else np.full(len(place), NO_FAULT)
    return Lines(
        day=day,
        row=row,
        invoice=invoice,
        product=product,
        customer=customer,
        home=Draw.of(0, "home", np.where(customer == NO_CUSTOMER, invoice, customer)).below(100),
        spelling=by_line.below(64, 2),
        quantity=_quantity(tills, day, by_line, corrected & by_correction.one_in(32)) * np.where(cancelled, -1, 1),
        cents=_cents(product, fault, corrected & by_correction.one_in(32, 1)),
        fault=fault,
        cancelled=cancelled,
        repeated=(place >= delivery.late) & ~own,
        removed=own & Draw.of(tills.seed, "removed", day, invoice).one_in(50),
    )


def _invoice(tills: Tills, day: Ints, row: Ints) -> Ints:
    """The number of the invoice in its day: each block of lines is cut into four, of 1 to 30 lines."""
    block, place = np.divmod(row, BLOCK)
    cut = Draw.of(tills.seed, "block", day, block)
    before = (
        (place > cut.below(16)).astype(np.int64) + (place > 16 + cut.below(14, 1)) + (place > 30 + cut.below(17, 2))
    )
    return block * INVOICES_A_BLOCK + before


def _product(line: Draw) -> Ints:
    """Product n is bought in proportion to 1/n (Zipf's law), in steps of an octave."""
    octave = np.left_shift(np.int64(16), line.below(8))
    number: Ints = octave - 16 + line.below(2048, 1) % octave
    return number


def _customer(invoice: Draw) -> Ints:
    """Who bought; for one invoice in four the till does not know. Some customers come far more often than others."""
    number = FIRST_CUSTOMER + np.minimum(invoice.below(CUSTOMERS), invoice.below(CUSTOMERS, 1))
    return np.where(invoice.below(4, 2) == 3, NO_CUSTOMER, number)


def _quantity(tills: Tills, day: Ints, line: Draw, recounted: Flags) -> Ints:
    """How much was bought: mostly little, with the seasons of the week and the year."""
    first, last = int(day.min()), int(day.max())
    season = np.array([_season(tills.day(d)) for d in range(first, last + 1)])[day - first]
    few = _QUANTITIES[line.below(2048, 2) // 64]
    number: Ints = (few * season + 9_999) // 10_000 + recounted
    return number


def _season(day: date) -> int:
    return _BY_MONTH[day.month - 1] * _BY_WEEKDAY[day.weekday()]


def _cents(product: Ints, fault: Ints, repriced: Flags) -> Ints:
    """The price of a piece in cents: many cheap products, few dear ones."""
    rank = Draw.of(0, "price", product).below(1024)
    usual = 29 + rank * rank // 700 + np.where(repriced, 10, 0)
    return np.where(fault == _PRICE_NEGATIVE, NEGATIVE_CENTS, usual)


def _fault(tills: Tills, day: Ints, row: Ints) -> Ints:
    """One line in each hundred has a fault; the kinds take turns."""
    if not tills.faults:
        return np.full(len(row), NO_FAULT)
    period, place = np.divmod(row, ONE_LINE_IN)
    chosen = Draw.of(tills.seed, "fault", day, period).below(ONE_LINE_IN)
    return np.where(place == chosen, (period + 7 * day) % len(FAULTS), NO_FAULT)

"""Till lines as the CSV text that tills write: two names for one product, quotes, mixed case, planted faults."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retail.generate.draws import Draw, Ints
from retail.generate.faults import FAULTS, FEW_FIELDS, HEADER, MANY_FIELDS
from retail.generate.lines import CUSTOMERS, FIRST_CUSTOMER, NO_CUSTOMER, NO_FAULT, PRODUCTS, Lines
from retail.generate.schedule import Tills

COUNTRIES = {
    "United Kingdom": 85,
    "Germany": 3,
    "France": 3,
    "EIRE": 2,
    "Spain": 1,
    "Netherlands": 1,
    "Belgium": 1,
    "Switzerland": 1,
    "Portugal": 1,
    "Australia": 1,
    "Norway": 1,
}
_WORDS = """
RED WHITE BLUE GREEN PINK IVORY BLACK SILVER GOLD VINTAGE RETRO FRENCH PASTEL ROSE ZINC CREAM
METAL WOODEN GLASS PAPER CERAMIC ENAMEL FELT COTTON WICKER TIN CARD SLATE KNITTED MIRROR WAX LACE
LANTERN HEART CANDLE MUG FRAME CLOCK BUNTING TEAPOT DOORMAT BASKET NAPKINS RIBBON HOOK TRAY BOTTLE BOWL SIGN CUSHION
"""
COLOURS, MATERIALS, THINGS = (tuple(line.split()) for line in _WORDS.split("\n")[1:-1])
FIRST_INVOICE, FIRST_PRODUCT = 536_365, 20_001
MINUTES = 12 * 60
SPELLINGS = 4
"""Ways to write a product: as most do, with needless spaces, turned round, and with its letter in lower case."""


def csv_bytes(lines: Lines, tills: Tills) -> memoryview:
    """The lines as they stand in a file; a small shop sells nothing on some days."""
    if not len(lines.day):
        return memoryview(b"")
    columns = dict(zip(HEADER, _fields(lines, tills), strict=True))
    *first, last = columns.values()
    whole = pc.binary_join_element_wise(*first, pc.binary_join_element_wise(last, "", "\n"), ",")
    faulty = lines.fault != NO_FAULT
    if faulty.any():
        at = np.flatnonzero(faulty)
        spoilt = [_spoilt({name: c[i].as_py() for name, c in columns.items()}, int(lines.fault[i])) for i in at]
        whole = pc.replace_with_mask(whole, pa.array(faulty), pa.array(spoilt))
    _, _, text = whole.buffers()
    return memoryview(text)[: pc.sum(pc.binary_length(whole)).as_py()]


def _spoilt(fields: dict[str, str], number: int) -> str:
    fault = FAULTS[number]
    values = [fault.text.get(name, value) for name, value in fields.items()]
    if fault.shape == FEW_FIELDS:
        values = values[:3]
    if fault.shape == MANY_FIELDS:
        values = [*values, "1"]
    return ",".join(values) + "\n"


def _fields(lines: Lines, tills: Tills) -> list[pa.Array]:
    number = pa.array(FIRST_INVOICE + lines.day * tills.invoices_per_day + lines.invoice).cast(pa.string())
    minute = lines.invoice * MINUTES // tills.invoices_per_day
    spelling = lines.product * SPELLINGS + np.where(lines.spelling < SPELLINGS, lines.spelling, 0)
    customer = np.where(lines.customer == NO_CUSTOMER, 0, lines.customer - FIRST_CUSTOMER + 1)
    return [
        pc.binary_join_element_wise(_chosen(("", "C"), lines.cancelled.astype(np.int64)), number, ""),
        _chosen(_stock_codes(), spelling),
        _chosen(_descriptions(), spelling),
        pa.array(lines.quantity).cast(pa.string()),
        pc.binary_join_element_wise(_dates(lines, tills), _chosen(_times(), minute), ""),
        _prices(lines.cents),
        _chosen(_customers(), customer),
        _chosen(_countries(), lines.home),
    ]


def _chosen(texts: tuple[str, ...], index: Ints) -> pa.Array:
    return pa.array(texts).take(pa.array(index))


def _dates(lines: Lines, tills: Tills) -> pa.Array:
    first, last = int(lines.day.min()), int(lines.day.max())
    return _chosen(tuple(tills.day(d).isoformat() for d in range(first, last + 1)), lines.day - first)


def _prices(cents: Ints) -> pa.Array:
    whole, rest = np.divmod(cents, 100)
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), _chosen(_hundredths(), rest), "")


@cache
def _hundredths() -> tuple[str, ...]:
    return tuple(f".{cents:02d}" for cents in range(100))


@cache
def _times() -> tuple[str, ...]:
    return tuple(f" {8 + minute // 60:02d}:{minute % 60:02d}:00" for minute in range(MINUTES))


@cache
def _countries() -> tuple[str, ...]:
    return tuple(name for name, weight in COUNTRIES.items() for _ in range(weight))


@cache
def _customers() -> tuple[str, ...]:
    return ("", *(f"{FIRST_CUSTOMER + n}.0" for n in range(CUSTOMERS)))


@cache
def _stock_codes() -> tuple[str, ...]:
    letters = ("", "", "", "A", "", "B", "", "C", "", "", "D")
    codes = [f"{FIRST_PRODUCT + n}{letters[n % len(letters)]}" for n in range(PRODUCTS)]
    return tuple(code.lower() if way == 3 else code for code in codes for way in range(SPELLINGS))


@cache
def _descriptions() -> tuple[str, ...]:
    product = Draw.of(0, "description", np.arange(PRODUCTS))
    words = zip(
        product.below(len(COLOURS)), product.below(len(MATERIALS), 1), product.below(len(THINGS), 2), strict=True
    )
    return tuple(text for n, (c, m, t) in enumerate(words) for text in _ways(n, COLOURS[c], MATERIALS[m], THINGS[t]))


def _ways(number: int, colour: str, material: str, thing: str) -> tuple[str, ...]:
    """As CSV text, quoted where it must be; every fortieth product has a size in inches."""
    usual = f'"{colour} {material} {thing} 10"""' if number % 40 == 0 else f"{colour} {material} {thing}"
    return usual, f"{colour}  {material} {thing} ", f'"{thing}, {colour} {material}"', usual

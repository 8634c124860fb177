"""The card payments behind the files: who paid where and how much, which are frauds, and when that became known.

Three patterns of fraud, as in the Fraud Detection Handbook: an odd amount (1), a terminal that was compromised (2),
a card that was stolen (3). Every value is a hash of seed, day and payment.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta

import numpy as np

from retail.generate.draws import Draw, Flags, Ints

HONEST, ODD_AMOUNT, COMPROMISED_TERMINAL, STOLEN_CARD = range(4)
KNOWN_AFTER, KNOWN_LATE = 7, 10
"""Days until a payment was looked into; one in twenty takes longer."""

COMPROMISED_DAYS, STOLEN_DAYS = 28, 14
ODD_CENTS = 22_000
NO_FAULT, AMOUNT_NEGATIVE, TERMINAL_MISSING, TIME_MISSING = range(4)
FAULTS = ("", "amount_negative", "terminal_missing", "time_missing")
_ONE_FAULT_IN = 400
_TERMINALS_OF_A_CUSTOMER = 8
_HALF_A_DAY = 43_200


@dataclass(frozen=True)
class Cards:
    """What is generated; two equal ones give the same payments. Prices are half as high again from a day on."""

    rows_per_day: int
    seed: int
    start: date
    faults: bool = True
    dearer_from: int | None = None

    @property
    def customers(self) -> int:
        """How many people pay by card."""
        return max(100, self.rows_per_day)

    @property
    def terminals(self) -> int:
        """How many terminals there are."""
        return max(400, 4 * self.rows_per_day)

    def day(self, number: int) -> date:
        """The date of a day, counted from 0; days before the start have negative numbers."""
        return self.start + timedelta(days=number)


@dataclass(frozen=True)
class Payments:
    """Payments of one day by their time, as columns; `second` of the day, `cents`, days until a finding."""

    id: Ints
    second: Ints
    customer: Ints
    terminal: Ints
    cents: Ints
    scenario: Ints
    known_after: Ints
    fault: Ints

    def __len__(self) -> int:
        return len(self.id)

    def where(self, kept: Flags) -> Payments:
        """Some of the payments."""
        return Payments(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def payments_of(cards: Cards, day: int) -> Payments:
    """All payments of a day."""
    place = np.arange(cards.rows_per_day, dtype=np.int64)
    days = np.full(len(place), day, dtype=np.int64)
    clock, who = Draw.of(cards.seed, "clock", days, place), Draw.of(cards.seed, "payer", days, place)
    second = np.sort(clock.below(_HALF_A_DAY) + clock.below(_HALF_A_DAY, 1))
    customer = np.minimum(who.below(cards.customers), who.below(cards.customers, 1))
    of_customer = Draw.of(cards.seed, "terminal", customer, who.below(_TERMINALS_OF_A_CUSTOMER, 2))
    terminal = of_customer.below(cards.terminals)
    scenario, cents = _frauds(cards, day, days, place, customer, terminal)
    return Payments(
        id=_first_id(cards, day) + place,
        second=second,
        customer=customer,
        terminal=terminal,
        cents=cents,
        scenario=scenario,
        known_after=np.where(clock.one_in(20, 2), KNOWN_LATE, KNOWN_AFTER),
        fault=_faults(cards, days, place),
    )


def _first_id(cards: Cards, day: int) -> int:
    """Numbers go on from day to day; those of days before the start are below the others, above 0."""
    return (day + 100_000) * cards.rows_per_day


def _frauds(cards: Cards, day: int, days: Ints, place: Ints, customer: Ints, terminal: Ints) -> tuple[Ints, Ints]:
    """The pattern of each payment, and its cents: a customer's usual amount, or what a thief makes of it."""
    usual = 500 + Draw.of(cards.seed, "usual", customer).below(9_500)
    if cards.dearer_from is not None and day >= cards.dearer_from:
        usual = usual * 3 // 2
    amount, luck = Draw.of(cards.seed, "amount", days, place), Draw.of(cards.seed, "luck", days, place)
    cents = 1 + usual * (amount.below(1000) + amount.below(1000, 1)) // 1000
    odd = luck.one_in(700)
    cents = np.where(odd, ODD_CENTS + 1 + luck.below(20_000, 1), cents)
    new_terminals, new_cards = 1 + cards.terminals // 5000, 1 + cards.customers // 2000
    compromised = np.isin(
        terminal, _struck(cards, "compromised", day, COMPROMISED_DAYS, new_terminals, cards.terminals)
    )
    has_card = np.isin(customer, _struck(cards, "stolen", day, STOLEN_DAYS, new_cards, cards.customers))
    stolen = has_card & luck.one_in(3, 2)
    cents = np.where(stolen & ~odd, 5 * cents, cents)
    scenario = np.select([stolen, compromised, odd], [STOLEN_CARD, COMPROMISED_TERMINAL, ODD_AMOUNT], HONEST)
    return scenario.astype(np.int64), cents


def _struck(cards: Cards, what: str, day: int, lasts: int, a_day: int, among: int) -> Ints:
    """What was struck on one of the last days, so many anew every day."""
    began, number = (part.ravel() for part in np.meshgrid(np.arange(day - lasts + 1, day + 1), np.arange(a_day)))
    return Draw.of(cards.seed, what, began, number).below(among)


def _faults(cards: Cards, days: Ints, place: Ints) -> Ints:
    """One payment in each four hundred has a fault; the kinds take turns."""
    if not cards.faults:
        return np.zeros(len(place), dtype=np.int64)
    period, at = np.divmod(place, _ONE_FAULT_IN)
    chosen = Draw.of(cards.seed, "bad payment", days, period).below(_ONE_FAULT_IN)
    return np.where(at == chosen, 1 + (period + days) % (len(FAULTS) - 1), NO_FAULT)

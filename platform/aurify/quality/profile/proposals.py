"""What follows from measured facts: findings, most of them with a rule. No Spark.

| what holds                                     | what is proposed                                                 |
|------------------------------------------------|------------------------------------------------------------------|
| of all rows                                    | the rule as it is                                                |
| of at least 95 % (shapes: 99.9 %, keys: 99 %)  | `on_fail: warn` and `mostly`, the next of NEARLY below the share |
| of a table of fewer than 100 rows              | `on_fail: warn`; no sets and no shapes                           |

Sets: at most 50 texts, or 10 whole numbers with gaps between them; each value is there 10 times on average, and at
most one row in a thousand has a value that no other row has. Ranges: see slack.py. Shapes: see shapes.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from pyspark.sql import types as T

from aurify.quality.profile.facts import (
    ENOUGH_ROWS,
    MOST_NUMBERS,
    MOST_TEXTS,
    Assured,
    ColumnFacts,
    Family,
    TableFacts,
)
from aurify.quality.profile.shapes import COVERED, FORMS, Pattern, pattern_of
from aurify.quality.profile.slack import day_range, moment_range, number_range
from aurify.quality.values import shown

NEARLY = (0.9999, 0.999, 0.99, 0.98, 0.95)
REPEATED = 10
MOST_ALONE = 0.001
NEARLY_A_KEY = 0.99
NOTHING = Assured()

NOT_NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
MATCH_REGEX = "expect_column_values_to_match_regex"
LENGTH = "expect_column_value_lengths_to_equal"
LENGTHS = "expect_column_value_lengths_to_be_between"
EXIST_IN_TABLE = "expect_column_values_to_exist_in_table"
UNIQUE = "expect_column_values_to_be_unique"
UNIQUE_TOGETHER = "expect_compound_columns_to_be_unique"


@dataclass(frozen=True)
class ProposedRule:
    """A rule as a suite would have it; `mostly` below 1 warns too."""

    expectation: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    mostly: float = 1.0
    warns: bool = False


@dataclass(frozen=True)
class Finding:
    """What the data says of some columns, in one line, and the rule that follows, if one does."""

    columns: tuple[str, ...]
    evidence: str
    rule: ProposedRule | None = None


def findings(facts: TableFacts, assured: Assured = NOTHING) -> list[Finding]:
    """All findings: column by column in the order of the table, then keys of several columns."""
    if not facts.rows:
        return []
    keys = _keys(facts, assured)
    found: list[Finding] = []
    for column in facts.columns:
        is_key = facts.distinct.get((column.name,)) == column.present > 1
        found += _Column(column, facts.rows, is_key).findings(assured)
        found += [key for key in keys if key.columns == (column.name,)]
        found += _references(facts, column)
    return [*found, *(key for key in keys if len(key.columns) > 1)]


@dataclass(frozen=True)
class _Column:
    """One column, in the light of how many rows there are, and of whether each value is there once."""

    facts: ColumnFacts
    rows: int
    is_key: bool

    def findings(self, assured: Assured) -> list[Finding]:
        found = [self.nulls(assured)]
        if self.facts.present:
            own = self.value_set() or self.range() or self.shape() or self.lengths()
            found += [own] if own is not None else []
        return found

    def finding(self, evidence: str, rule: str = "", mostly: float = 1.0, **arguments: object) -> Finding:
        if not rule:
            return Finding((self.facts.name,), evidence)
        warns = mostly < 1 or self.rows < ENOUGH_ROWS
        return Finding((self.facts.name,), evidence, ProposedRule(rule, arguments, mostly, warns))

    def nulls(self, assured: Assured) -> Finding:
        missing = self.rows - self.facts.present
        if not missing:
            if self.facts.name in assured.filled:
                return self.finding(f"{self.rows:,} rows, none NULL; the engine itself sees to it")
            return self.finding(f"{self.rows:,} rows, none NULL", NOT_NULL)
        if not self.facts.present:
            return self.finding(f"NULL in all {self.rows:,} rows: nothing else can be said")
        told = f"{self.rows:,} rows; NULL in {percent(missing, self.rows)}: {missing:,}"
        mostly = holding(missing, self.rows, NEARLY[-1])
        return self.finding(told, NOT_NULL, mostly) if mostly else self.finding(told)

    def value_set(self) -> Finding | None:
        """The values, where they are few and repeated enough for the next one to be one of them."""
        counts = self.facts.values
        if not counts or self.facts.personal or self.facts.present < max(ENOUGH_ROWS, REPEATED * len(counts)):
            return None
        alone = sum(1 for count in counts.values() if count == 1)
        whole = self.facts.family is Family.WHOLE
        if alone > MOST_ALONE * self.facts.present or len(counts) > (MOST_NUMBERS if whole else MOST_TEXTS):
            return None
        members = sorted(counts)
        if whole and int(members[-1]) - int(members[0]) + 1 == len(members):
            return None
        rarest = min(members, key=lambda member: counts[member])
        told = f"{many(len(members), 'value')}, the rarest {shown(rarest)}: {counts[rarest]:,}"
        return self.finding(told, IN_SET, value_set=members)

    def range(self) -> Finding | None:
        low, high, beyond = self.facts.low, self.facts.high, self.facts.beyond
        if self.facts.personal or low is None or high is None:
            return None
        mostly = holding(beyond, self.facts.present, NEARLY[-1])
        told = f"from {shown(low)} to {shown(high)}"
        if beyond:
            told += f"; NaN or infinite in {percent(beyond, self.facts.present)}: {beyond:,}"
        if mostly is None:
            return self.finding(told)
        bounds = _bounds(low, high, self.facts.kind)
        if self.is_key and self.facts.family is Family.WHOLE:
            # Numbers that are given once each go on.
            bounds.pop("max_value")
        return self.finding(told, BETWEEN, mostly, **bounds)

    def shape(self) -> Finding | None:
        facts = self.facts
        if facts.family is not Family.TEXT or facts.present < ENOUGH_ROWS:
            return None
        pattern = self.form()
        if pattern is None and facts.shapes:
            shapes = {"runs_are_one": facts.runs_are_one, "personal": facts.personal}
            pattern = pattern_of(facts.shapes, facts.present, **shapes)
        if pattern is None:
            return None
        mostly = holding(facts.present - pattern.matching, facts.present, COVERED)
        told = f"{but_few(facts.present - pattern.matching, facts.present)} {pattern.meaning}"
        return self.finding(told, MATCH_REGEX, mostly or COVERED, regex=pattern.regex)

    def form(self) -> Pattern | None:
        """The first of the known forms that nearly all values have."""
        for meaning, regex in FORMS.items():
            if (matching := self.facts.forms.get(meaning, 0)) >= COVERED * self.facts.present:
                return Pattern(regex, meaning, matching)
        return None

    def lengths(self) -> Finding | None:
        if self.facts.family is not Family.TEXT:
            return None
        shortest, longest = self.facts.shortest, self.facts.longest
        if shortest == longest and self.facts.present >= ENOUGH_ROWS:
            return self.finding(f"all {many(longest, 'character')} long", LENGTH, value=longest)
        lower, upper = number_range(shortest, longest, T.IntegerType())
        told = f"{shortest:,} to {many(longest, 'character')} long"
        return self.finding(told, LENGTHS, min_value=lower, max_value=upper)


def _bounds(low: object, high: object, kind: T.DataType) -> dict[str, object]:
    """min_value and max_value; times get an upper bound that is far away, or none."""
    lower: object
    upper: object
    if isinstance(low, datetime) and isinstance(high, datetime):
        lower, upper = moment_range(low, high)
    elif isinstance(low, date) and isinstance(high, date):
        lower, upper = day_range(low, high)
    else:
        assert isinstance(low, int | float | Decimal)
        assert isinstance(high, int | float | Decimal)
        lower, upper = number_range(low, high, kind)
    bounds: dict[str, object] = {"min_value": lower}
    return bounds if upper is None else {**bounds, "max_value": upper}


def _keys(facts: TableFacts, assured: Assured) -> list[Finding]:
    """Columns, and combinations, each of whose values is there once."""
    found: list[Finding] = []
    if assured.key and assured.latest_wins:
        found.append(Finding(assured.key, "the key: of rows that share it the newest is kept, so no rule is needed"))
    for columns, distinct in facts.distinct.items():
        present = min(facts.column(name).present for name in columns)
        copies = present - distinct
        # Every copy fails, the first one too: at most twice as many rows as there are copies too many.
        mostly = holding(2 * copies, present, NEARLY_A_KEY)
        is_kept = assured.latest_wins and columns == assured.key
        if mostly is None or is_kept or (copies and len(columns) > 1):
            continue
        told = f"{distinct:,} different values in {present:,} rows"
        warns = mostly < 1 or facts.rows < ENOUGH_ROWS
        if assured.latest_wins:
            warns, told = True, f"{told}; a batch may bring a row twice"
        name = UNIQUE if len(columns) == 1 else UNIQUE_TOGETHER
        found.append(Finding(columns, told, ProposedRule(name, {}, mostly, warns)))
    return found


def _references(facts: TableFacts, column: ColumnFacts) -> list[Finding]:
    """The tables whose keys the values of a column are."""
    found: list[Finding] = []
    for reference, orphans in facts.orphans.items():
        if reference.column != column.name:
            continue
        mostly = holding(orphans, column.present, NEARLY[-1])
        if mostly is not None:
            arguments = {"other_table_name": reference.table, "other_column": reference.key}
            warns = mostly < 1 or facts.rows < ENOUGH_ROWS
            told = f"{but_few(orphans, column.present)} keys of {reference.table}"
            found.append(Finding((column.name,), told, ProposedRule(EXIST_IN_TABLE, arguments, mostly, warns)))
    return found


def holding(failing: int, judged: int, least: float) -> float | None:
    """The share to demand where so many fail: 1 if none does, else a round one below theirs; None if below `least`.

    >>> holding(0, 10, 0.95), holding(4, 1000, 0.95), holding(3, 100, 0.95), holding(9, 100, 0.95)
    (1.0, 0.99, 0.95, None)
    """
    if not failing:
        return 1.0
    share = (judged - failing) / judged
    return next((step for step in NEARLY if step <= share and step >= least), None)


def but_few(failing: int, judged: int) -> str:
    """`all but 0.02 %`, in words.

    >>> but_few(0, 1200), but_few(3, 12000)
    ('all 1,200 are', 'all but 0.025 % (3 of 12,000) are')
    """
    if not failing:
        return f"all {judged:,} are"
    return f"all but {percent(failing, judged)} ({failing:,} of {judged:,}) are"


def percent(part: int, whole: int) -> str:
    """Two digits, and never in powers of ten.

    >>> percent(4382, 1067371), percent(1, 10000000), percent(1, 4)
    ('0.41 %', '0.00001 %', '25 %')
    """
    share = 100 * part / whole
    return "over 99 %" if 99 < share < 100 else f"{Decimal(f'{share:.2g}'):f} %"


def many(count: int, what: str) -> str:
    """A number and its noun."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"

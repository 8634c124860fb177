"""Expectations of text that matches a pattern: regular expressions, and SQL's LIKE."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

from aurify.quality.row_rules import arguments as arg
from aurify.quality.row_rules.domain import Domain, text_like
from aurify.quality.row_rules.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import Column

PATTERN_RULES = Registry()
_LIKE = "Spark's own LIKE; Great Expectations knows it on SQL databases and not on Spark."


@PATTERN_RULES.row(
    "expect_column_values_to_match_regex", "{column} matches {regex}", wants=text_like, regex=arg.THE_REGEX
)
def matches_not(at: Domain, regex: str) -> Column:
    """Java's regular expressions, found anywhere in the value unless anchored."""
    return ~at.as_text.rlike(regex)


@PATTERN_RULES.row(
    "expect_column_values_to_not_match_regex", "{column} does not match {regex}", wants=text_like, regex=arg.THE_REGEX
)
def matches(at: Domain, regex: str) -> Column:
    """The opposite."""
    return at.as_text.rlike(regex)


@PATTERN_RULES.row(
    "expect_column_values_to_match_regex_list",
    "{column} matches {match_on} of {regex_list}",
    wants=text_like,
    difference="Each expression stands alone; Great Expectations joins them with |, so that a flag like (?i) or the"
    " number of a group reaches into the next.",
    regex_list=arg.THE_REGEXES,
    match_on=arg.MATCH_ON,
)
def matches_too_few(at: Domain, regex_list: Sequence[str], match_on: str = "any") -> Column:
    """Any or all of the expressions, each as above."""
    return ~reduce(or_ if match_on == "any" else and_, [at.as_text.rlike(regex) for regex in regex_list])


@PATTERN_RULES.row(
    "expect_column_values_to_not_match_regex_list",
    "{column} matches none of {regex_list}",
    wants=text_like,
    regex_list=arg.THE_REGEXES,
)
def matches_any(at: Domain, regex_list: Sequence[str]) -> Column:
    """One match is enough to fail."""
    return reduce(or_, [at.as_text.rlike(regex) for regex in regex_list])


@PATTERN_RULES.row(
    "expect_column_values_to_match_like_pattern",
    "{column} is like {like_pattern}",
    wants=text_like,
    agree=arg.check_likes,
    difference=_LIKE,
    like_pattern=arg.THE_LIKE,
    escape=arg.ESCAPE,
)
def is_not_like(at: Domain, like_pattern: str, escape: str = "\\") -> Column:
    """The whole value: % is any characters, _ is one."""
    return ~_is_like(at, like_pattern, escape)


@PATTERN_RULES.row(
    "expect_column_values_to_not_match_like_pattern",
    "{column} is not like {like_pattern}",
    wants=text_like,
    agree=arg.check_likes,
    difference=_LIKE,
    like_pattern=arg.THE_LIKE,
    escape=arg.ESCAPE,
)
def is_like(at: Domain, like_pattern: str, escape: str = "\\") -> Column:
    """The opposite."""
    return _is_like(at, like_pattern, escape)


@PATTERN_RULES.row(
    "expect_column_values_to_match_like_pattern_list",
    "{column} is like {match_on} of {like_pattern_list}",
    wants=text_like,
    agree=arg.check_likes,
    difference=_LIKE,
    like_pattern_list=arg.THE_LIKES,
    match_on=arg.MATCH_ON,
    escape=arg.ESCAPE,
)
def is_like_too_few(at: Domain, like_pattern_list: Sequence[str], match_on: str = "any", escape: str = "\\") -> Column:
    """Any or all of the patterns."""
    found = [_is_like(at, pattern, escape) for pattern in like_pattern_list]
    return ~reduce(or_ if match_on == "any" else and_, found)


@PATTERN_RULES.row(
    "expect_column_values_to_not_match_like_pattern_list",
    "{column} is like none of {like_pattern_list}",
    wants=text_like,
    agree=arg.check_likes,
    difference=_LIKE,
    like_pattern_list=arg.THE_LIKES,
    escape=arg.ESCAPE,
)
def is_like_any(at: Domain, like_pattern_list: Sequence[str], escape: str = "\\") -> Column:
    """One match is enough to fail."""
    return reduce(or_, [_is_like(at, pattern, escape) for pattern in like_pattern_list])


def _is_like(at: Domain, pattern: str, escape: str) -> Column:
    from pyspark.sql import functions as F

    return F.like(at.as_text, F.lit(pattern), F.lit(escape))

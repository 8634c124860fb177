"""Proposals put into a suite that is there: new entries at the end of its list, every other character as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from aurify.errors import ConfigurationError
from aurify.quality.profile.facts import TableFacts
from aurify.quality.profile.proposals import Finding
from aurify.quality.profile.suite_text import entry_lines
from aurify.quality.suite import Suite


def not_in(suite: Suite, found: Sequence[Finding]) -> list[Finding]:
    """The findings with a rule that the suite does not have for these columns, whatever its arguments there."""
    known = {(rule.expectation, rule.columns) for rule in suite.rules}
    return [f for f in found if f.rule is not None and (f.rule.expectation, f.columns) not in known]


def merged_text(suite: Suite, facts: TableFacts, found: Sequence[Finding], load: Callable[[Path], Suite]) -> str:
    """The text of the suite's file with the findings added; ConfigurationError where its form can't take them.

    It is read back by `load`: what stood there still stands, and the new rules come after it.
    """
    before = Path(suite.file).read_text(encoding="utf-8")
    after = _with_entries(before, suite.file, lambda indent: entry_lines(facts, found, indent))
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, Path(suite.file).name)
        draft.write_text(after, encoding="utf-8")
        rules = load(draft).rules
    if rules[: len(suite.rules)] != suite.rules or len(rules) != len(suite.rules) + len(found):
        raise _refused(suite.file, "entries that would not stay as they are")
    return after


def _with_entries(text: str, file: str, entries: Callable[[int], list[str]]) -> str:
    """The text with lines after the last entry; `entries` makes them for an indent."""
    node = yaml.SafeLoader(text).get_single_node()
    assert isinstance(node, yaml.MappingNode)
    listed = next((value for key, value in node.value if key.value == "expectations"), None)
    if not isinstance(listed, yaml.SequenceNode):
        raise _refused(file, "no list of expectations")
    if listed.flow_style:
        if listed.value:
            raise _refused(file, "a list in brackets")
        start, end = listed.start_mark.index, listed.end_mark.index
        return "\n".join([text[:start].rstrip(), *entries(2)]) + (text[end:] or "\n")
    lines = text.splitlines()
    last = _last_line(listed)
    return "\n".join([*lines[:last], *entries(listed.start_mark.column), *lines[last:]]) + "\n"


def _last_line(node: yaml.Node) -> int:
    """The number of lines up to the end of what a node holds; a block's own mark is where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    line: int = node.end_mark.line
    return line + 1 if node.end_mark.column else line


def _refused(file: str, found: str) -> ConfigurationError:
    hint = "--output FILE writes the proposals beside it"
    return ConfigurationError.of(file, found, "a YAML suite whose expectations are lines that begin with '- '", hint)

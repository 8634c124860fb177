"""A suite proposed from data: what was measured, what follows from it, and the text with its evidence."""

from aurify.quality.profile.facts import Assured, ColumnFacts, Reference, TableFacts
from aurify.quality.profile.measure import measured
from aurify.quality.profile.proposals import Finding, ProposedRule, findings
from aurify.quality.profile.suite_text import suite_text

__all__ = [
    "Assured",
    "ColumnFacts",
    "Finding",
    "ProposedRule",
    "Reference",
    "TableFacts",
    "findings",
    "measured",
    "suite_text",
]

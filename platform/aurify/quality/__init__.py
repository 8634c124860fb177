"""What must hold: suites in Great Expectations' words, and the gate that assays a batch in one pass."""

from aurify.quality.gate import Check, assay, checks_of
from aurify.quality.result import Outcome, RuleResult
from aurify.quality.rule import OnFail, Rule, Scope
from aurify.quality.suite import Suite, empty_suite, load_suite, suite_file

__all__ = [
    "Check",
    "OnFail",
    "Outcome",
    "Rule",
    "RuleResult",
    "Scope",
    "Suite",
    "assay",
    "checks_of",
    "empty_suite",
    "load_suite",
    "suite_file",
]

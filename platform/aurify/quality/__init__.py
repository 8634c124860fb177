"""What must hold: suites in Great Expectations' words, and the gate that assays a batch in one pass."""

from aurify.quality.failure_counts import failure_counts
from aurify.quality.gate import Check, assay, checks_of
from aurify.quality.rule import OnFail, Rule
from aurify.quality.suite import Suite, empty_suite, load_suite

__all__ = ["Check", "OnFail", "Rule", "Suite", "assay", "checks_of", "empty_suite", "failure_counts", "load_suite"]

"""Which features a model is given: stages that drop some, and a report of what each of them tells."""

from aurify.models.selection.chi_square import ChiSquare
from aurify.models.selection.information import information_values
from aurify.models.selection.lasso import Lasso
from aurify.models.selection.recursive import RecursiveElimination
from aurify.models.selection.report import FeatureReport, feature_report
from aurify.models.selection.selected import Round, Selected, Verdict
from aurify.models.selection.uncorrelated import Uncorrelated

__all__ = [
    "ChiSquare",
    "FeatureReport",
    "Lasso",
    "RecursiveElimination",
    "Round",
    "Selected",
    "Uncorrelated",
    "Verdict",
    "feature_report",
    "information_values",
]

"""Why a fitted model scores as it does: for a row, for a feature, for all rows together."""

from aurify.models.explain.contributions import contributions
from aurify.models.explain.paths import DecisionPath, Step, TreePath, decision_path
from aurify.models.explain.permutation import PermutationImportance, permutation_importance
from aurify.models.explain.reasons import reason_codes
from aurify.models.explain.sample import ContributionSample, contribution_sample
from aurify.models.explain.summaries import Dependence, DependenceBin, dependence, shap_importance

__all__ = [
    "ContributionSample",
    "DecisionPath",
    "Dependence",
    "DependenceBin",
    "PermutationImportance",
    "Step",
    "TreePath",
    "contribution_sample",
    "contributions",
    "decision_path",
    "dependence",
    "permutation_importance",
    "reason_codes",
    "shap_importance",
]

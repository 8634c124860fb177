"""The search for an estimator's values: declared as plain data, tried side by side, gone on with after a kill."""

from aurify.models.search.declared import Choice, Real, Search, Whole
from aurify.models.search.run import search
from aurify.models.search.trial import Searched, Trial

__all__ = ["Choice", "Real", "Search", "Searched", "Trial", "Whole", "search"]

"""LightGBM's parameters as SynapseML takes them: a few by setters, the others in one text, some not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aurify.errors import Problem
from aurify.models.lightgbm_parameters import CROSS_ENTROPY, with_main_names

# What SynapseML reads itself: its data sets are made of the first four, which its text for LightGBM doesn't reach.
SETTERS = {
    "max_bin": "maxBin",
    "bin_construct_sample_cnt": "binSampleCount",
    "min_data_in_leaf": "minDataInLeaf",
    "data_random_seed": "dataRandomSeed",
    "boosting": "boostingType",
    "num_threads": "numThreads",
    "objective": "objective",
    "verbosity": "verbosity",
}
_OF_DATA_SETS = (
    "enable_bundle", "feature_pre_filter", "forcedbins_filename", "is_enable_sparse", "linear_tree",
    "max_bin_by_feature", "min_data_in_bin", "use_missing", "zero_as_missing",
)  # fmt: skip
NOT_PASSED = {
    **dict.fromkeys(_OF_DATA_SETS, "SynapseML makes its data sets without it"),
    "early_stopping_min_delta": "SynapseML stops by its own rule",
    "first_metric_only": "SynapseML stops by whichever metric is first to grow worse",
    "time_out": "SynapseML has a fixed one",
}
DEFAULTS: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "verbosity": -1}


def problems_of_passing(where: str, parameters: Mapping[str, Any]) -> list[Problem]:
    """What SynapseML would not pass on to LightGBM."""
    problems = []
    hint = "leave it out, or engine='barrier'"
    for name, value in parameters.items():
        (main,) = with_main_names({name: value})
        if (main, value) == ("objective", CROSS_ENTROPY):
            problems.append(Problem(where, CROSS_ENTROPY, "another objective", "or engine='barrier'", name))
        elif main in NOT_PASSED:
            problems.append(Problem(where, "a value", f"none: {NOT_PASSED[main]}", hint, name))
        elif not _is_plain(value):
            problems.append(Problem(where, repr(value), "a number, a boolean, a word, or a list of them", hint, name))
    return problems


def passed(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """SynapseML's own settings for these parameters, `passThroughArgs` among them.

    All stand in that text: SynapseML adds its own value of a parameter only where the text lacks the name, and looks
    for it anywhere, so that `bagging_seed` alone would keep `seed` away.
    """
    given = with_main_names(parameters)
    defaults = {name: value for name, value in DEFAULTS.items() if name not in given}
    if "force_col_wise" in given:
        defaults.pop("force_row_wise", None)
    full = {**defaults, **given}
    settings = {SETTERS[name]: value for name, value in full.items() if name in SETTERS}
    text = " ".join(f"{'boosting_type' if name == 'boosting' else name}={_text(v)}" for name, v in full.items())
    return {**settings, "passThroughArgs": text}


def _text(value: Any) -> str:
    """As LightGBM reads it.

    >>> _text(True), _text(0.5), _text([1, 2]), _text([[0, 1], [2]])
    ('true', '0.5', '1,2', '[0,1],[2]')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(f"[{_text(part)}]" if isinstance(part, list | tuple) else _text(part) for part in value)
    return str(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_plain, value))
    return isinstance(value, bool | int | float) or (isinstance(value, str) and not re.search(r"\s", value))

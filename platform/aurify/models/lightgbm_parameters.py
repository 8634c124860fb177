"""LightGBM's own parameters: what each is called, which of them a fit says itself, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aurify.errors import Problem, did_you_mean

BINARY, CROSS_ENTROPY = "binary", "cross_entropy"
REGRESSIONS = (
    "regression", "regression_l1", "l1", "l2", "mae", "mse", "rmse", "huber", "fair", "poisson", "quantile", "mape",
    "gamma", "tweedie",
)  # fmt: skip
OBJECTIVES = (BINARY, CROSS_ENTROPY, *REGRESSIONS)
# What `fit` says itself, under all of LightGBM's names for it, and who says it.
OWN_PARAMETERS = {
    **dict.fromkeys(("machines", "workers", "nodes", "num_machines", "num_machine"), "`workers`"),
    **dict.fromkeys(("local_listen_port", "local_port", "port", "pre_partition", "is_pre_partition"), "the fit"),
    **dict.fromkeys(("tree_learner", "tree", "tree_type", "tree_learner_type"), "the fit"),
    **dict.fromkeys(("num_iterations", "num_iteration", "n_iter", "num_tree", "num_trees", "num_round"), "`rounds`"),
    **dict.fromkeys(("num_rounds", "nrounds", "num_boost_round", "n_estimators", "max_iter"), "`rounds`"),
    **dict.fromkeys(
        ("early_stopping_round", "early_stopping_rounds", "early_stopping", "n_iter_no_change"),
        "`early_stopping_rounds`",
    ),
    **dict.fromkeys(
        ("categorical_feature", "cat_feature", "categorical_column", "cat_column", "categorical_features"),
        "`categorical`",
    ),
}
# The parameters of a training: a line for each with its other names, then those that have none.
_WITH_ALIASES = """
bagging_fraction bagging sub_row subsample
bagging_freq subsample_freq
bagging_seed bagging_fraction_seed
bin_construct_sample_cnt subsample_for_bin
boosting boost boosting_type
data_random_seed data_seed
device_type device
drop_rate rate_drop
enable_bundle bundle is_enable_bundle
extra_trees extra_tree
feature_contri fc fp feature_contrib feature_penalty
feature_fraction sub_feature colsample_bytree
feature_fraction_bynode colsample_bynode sub_feature_bynode
forcedsplits_filename fs forced_splits forced_splits_file forced_splits_filename
histogram_pool_size hist_pool_size
is_enable_sparse sparse is_sparse enable_sparse
is_unbalance unbalance unbalanced_sets
lambda_l1 reg_alpha l1_regularization
lambda_l2 lambda reg_lambda l2_regularization
learning_rate eta shrinkage_rate
linear_tree linear_trees
max_bin max_bins
max_delta_step max_leaf_output max_tree_output
metric metrics metric_types
min_data_in_leaf min_data min_samples_leaf min_child_samples min_data_per_leaf
min_gain_to_split min_split_gain
min_sum_hessian_in_leaf min_hessian min_sum_hessian min_child_weight min_sum_hessian_per_leaf
monotone_constraints mc monotonic_cst monotone_constraint
monotone_constraints_method mc_method monotone_constraining_method
monotone_penalty mc_penalty ms_penalty monotone_splits_penalty
neg_bagging_fraction neg_bagging neg_sub_row neg_subsample
num_leaves max_leaf num_leaf max_leaves max_leaf_nodes
num_threads n_jobs nthread nthreads num_thread
objective app loss application objective_type
pos_bagging_fraction pos_bagging pos_sub_row pos_subsample
seed random_seed random_state
top_k topk
verbosity verbose
"""
_ALONE = """
alpha boost_from_average cat_l2 cat_smooth cegb_penalty_feature_coupled cegb_penalty_feature_lazy cegb_penalty_split
cegb_tradeoff data_sample_strategy deterministic drop_seed early_stopping_min_delta extra_seed fair_c
feature_fraction_seed feature_pre_filter first_metric_only force_col_wise force_row_wise forcedbins_filename
gpu_device_id gpu_platform_id gpu_use_dp interaction_constraints linear_lambda max_bin_by_feature max_cat_threshold
max_cat_to_onehot max_depth max_drop min_data_in_bin min_data_per_group num_gpu num_grad_quant_bins other_rate
path_smooth poisson_max_delta_step quant_train_renew_leaf reg_sqrt scale_pos_weight sigmoid skip_drop
stochastic_rounding time_out top_rate tweedie_variance_power uniform_drop use_missing use_quantized_grad
xgboost_dart_mode zero_as_missing
"""
# The name that LightGBM's documentation has, by every name.
MAIN_NAMES = {name: line.split()[0] for line in _WITH_ALIASES.strip().splitlines() for name in line.split()}
MAIN_NAMES |= {name: name for name in _ALONE.split()}


def with_main_names(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, each under the name that LightGBM's documentation has; an unknown one under its own."""
    return {MAIN_NAMES.get(name, name): value for name, value in parameters.items()}


def problems_of_parameters(where: str, parameters: Mapping[str, Any]) -> list[Problem]:
    """All that is wrong with the names, and with the objective; LightGBM itself passes over an unknown name."""
    problems = []
    objective = parameters.get("objective", "nothing")
    if objective not in OBJECTIVES:
        hint = did_you_mean(str(objective), OBJECTIVES)
        problems.append(Problem(where, str(objective), ", ".join(OBJECTIVES), hint, "objective"))
    for name in sorted(OWN_PARAMETERS.keys() & parameters.keys()):
        problems.append(Problem(where, "a value", f"{OWN_PARAMETERS[name]} to say it", "leave it out", name))
    for name in sorted(parameters.keys() - OWN_PARAMETERS.keys() - MAIN_NAMES.keys()):
        hint = did_you_mean(name, MAIN_NAMES)
        problems.append(Problem(where, f"'{name}'", "a parameter of LightGBM's training", hint))
    names = [MAIN_NAMES[name] for name in parameters if name in MAIN_NAMES]
    for name in sorted({name for name in names if names.count(name) > 1}):
        said = ", ".join(other for other in parameters if MAIN_NAMES.get(other) == name)
        problems.append(Problem(where, said, "one of them: they are the same", key=name))
    return problems

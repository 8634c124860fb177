"""Python estimators as data, as files and in memory: what is wrong is told, and nothing that is read is run."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aurify.errors import ConfigurationError
from aurify.models.bagging import Bagging
from aurify.models.blend import Blend
from aurify.models.blending import Blending, best_weights
from aurify.models.by_group import ByGroup
from aurify.models.estimator import Estimator
from aurify.models.fitted import FittedModel
from aurify.models.group_models import GroupFit, GroupModels
from aurify.models.kept_python import kept, restored
from aurify.models.on_driver import OnDriver
from aurify.models.python_model import KEPT, PythonModel, taught
from aurify.models.python_reference import Python
from aurify.models.row_draws import _cumulated
from aurify.models.stacking import Stack, Stacking

pd = pytest.importorskip("pandas")
linear_model = pytest.importorskip("sklearn.linear_model")
pytest.importorskip("skops.io")

LOGISTIC = Python("sklearn.linear_model:LogisticRegression", {"C": 0.5})
FOREST = Python("sklearn.ensemble:RandomForestClassifier", {"n_estimators": 3, "max_depth": 3})
STEPS = [["scale", Python("sklearn.preprocessing:StandardScaler")], ["learn", LOGISTIC]]
SCALED = Python("sklearn.pipeline:Pipeline", {"steps": STEPS})
FEATURES = ("amount", "hour")


def table(seed: int = 0, count: int = 300) -> Any:
    drawn = np.random.default_rng(seed)
    rows = pd.DataFrame(drawn.normal(size=(count, 2)), columns=["_0", "_1"])
    return rows.assign(_label=(rows["_0"] - rows["_1"] + drawn.normal(size=count) > 0).astype(float))


def columns(rows: Any) -> dict[str, Any]:
    return {name: rows[f"_{place}"].to_numpy() for place, name in enumerate(FEATURES)}


def model(estimator: Python = LOGISTIC, seed: int = 0) -> PythonModel:
    return taught(estimator, FEATURES, table(seed), 7)


def test_a_reference_is_plain_data() -> None:
    assert Python("sklearn.linear_model:LogisticRegression", {"C": 0.5}) == LOGISTIC
    assert Python("sklearn.linear_model:LogisticRegression", {"C": 2}) != LOGISTIC
    assert OnDriver(SCALED).problems("model") == []
    assert SCALED.paths() == (
        "sklearn.pipeline:Pipeline", "sklearn.preprocessing:StandardScaler", "sklearn.linear_model:LogisticRegression",
    )  # fmt: skip


def test_the_seed_is_the_random_state_where_none_is_declared() -> None:
    assert FOREST.built(7).random_state == 7
    assert Python(FOREST.path, {"random_state": 3}).built(7).random_state == 3
    assert SCALED.built(7).steps[1][1].random_state == 7
    assert "random_state" not in Python("sklearn.linear_model:LinearRegression").built(7).get_params()


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        (Python("sklearn.linear_model.LogisticRegression"), ["module:Class"]),
        (Python("sklearn.lineer_model:Ridge"), ["No module named 'sklearn.lineer_model'"]),
        (Python("sklearn.linear_model:LogisticRegresion"), ["did you mean 'LogisticRegression'?"]),
        (Python("sklearn.linear_model:LogisticRegression", {"c": 1}), ["'c'"]),
        (Python("sklearn.linear_model:LogisticRegression", {"C": np.ones(2), "toll": 1}), ["ndarray", "'tol'?"]),
        (Python("sklearn.preprocessing:StandardScaler"), ["without `fit` and `predict`"]),
        (Python("sklearn.svm:LinearSVC"), ["without `predict_proba`"]),
        (Python("os:getcwd"), ["a class of os"]),
        (Python("sklearn.pipeline:Pipeline", {"steps": [["learn", Python("sklearn.nothing:Ridge")]]}), ["nothing"]),
        (Python("sklearn.pipeline:Pipeline"), ["steps"]),
    ],
)
def test_what_is_wrong_with_a_reference_is_told(reference: Python, parts: list[str]) -> None:
    text = "\n".join(line for problem in reference.problems("model") for line in problem.lines())
    assert text
    for part in parts:
        assert part in text, part


def test_all_wrong_values_are_told_at_once() -> None:
    wrong = Python("sklearn.linear_model:Nothing")
    declared: list[tuple[Estimator, int]] = [
        (OnDriver(wrong, 0), 2),
        (ByGroup("", wrong, 0, -1, 0), 5),
        (Bagging(OnDriver(wrong), 0, 1.5), 3),
        (Blending((OnDriver(wrong),), 1), 3),
        (Stacking((), OnDriver(wrong), 1), 3),
    ]
    assert [len(estimator.problems("model")) for estimator, _ in declared] == [count for _, count in declared]


@pytest.mark.parametrize("estimator", [LOGISTIC, FOREST, SCALED])
def test_the_same_fit_has_the_same_bytes_and_scores_the_same_from_files(estimator: Python) -> None:
    one, again = model(estimator), model(estimator)
    assert one.content == again.content
    read = PythonModel.of_files(one.files())
    assert read == one
    rows = table(1)
    direct = estimator.built(7).fit(table()[["_0", "_1"]].to_numpy(), table()["_label"].to_numpy().astype(int))
    assert read.predict(columns(rows)) == pytest.approx(direct.predict_proba(rows[["_0", "_1"]].to_numpy())[:, 1])


def test_a_regression_tells_values() -> None:
    rows = table().assign(_label=lambda made: 3 * made["_0"] - made["_1"] + 2)
    made = taught(Python("sklearn.linear_model:LinearRegression"), FEATURES, rows, 0)
    assert made.predict(columns(rows)) == pytest.approx(rows["_label"].to_numpy())
    assert made.predict(columns(rows[:0])).shape == (0,)


def test_weights_of_rows_count_or_are_refused() -> None:
    weighted = table().assign(_weight=lambda made: 1.0 + (made["_0"] > 0))
    twice = pd.concat([table(), table()[lambda made: made["_0"] > 0]])
    made, expected = taught(LOGISTIC, FEATURES, weighted, 0), taught(LOGISTIC, FEATURES, twice, 0)
    assert made.predict(columns(table())) == pytest.approx(expected.predict(columns(table())), abs=1e-4)
    neighbours = Python("sklearn.neighbors:KNeighborsClassifier")
    with pytest.raises(ValueError, match="takes no weights of rows"):
        taught(neighbours, FEATURES, weighted, 0)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [([1.0] * 300, "1 in all 300"), ([np.nan, *[1.0] * 299], "no label in 1"), ([2.0, *[1.0] * 299], "neither 0 nor")],
)
def test_labels_that_no_class_can_be_learned_from_are_refused(labels: list[float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        taught(FOREST, FEATURES, table().assign(_label=labels), 0)


def test_the_importance_is_told_where_it_has_no_units() -> None:
    assert sum(model(FOREST).importance().values()) == pytest.approx(1)
    assert model(LOGISTIC).importance() == {}


class Planted:
    """Would leave a file where it is read by pickle."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return Path.touch, (self.place,)


def test_a_planted_pickle_is_refused(tmp_path: Path) -> None:
    planted = pickle.dumps(Planted(tmp_path / "run"))
    groups = GroupModels("shop", (GroupFit("a", 9),), {"a": model()}, None)
    whole = FittedModel({}, (), Blend((groups, model()), (0.5, 0.5)))
    for name in [name for name in whole.files() if name.endswith(KEPT)]:
        with pytest.raises(ConfigurationError, match="zip"):
            FittedModel.of_files({**whole.files(), name: planted})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [("subprocess", "Popen"), ("builtins", "eval"), ("sklearn.datasets._base", "Path"), ("sklearn.utils", "os")],
)
def test_what_is_of_no_class_of_the_estimators_package_is_refused(module: str, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(model().content)) as made:
        found = {inner: made.read(inner) for inner in made.namelist()}
    schema = json.loads(found["schema.json"])
    schema["content"]["content"]["C"] = {"__class__": name, "__module__": module, "__loader__": "TypeNode"}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for inner, content in {**found, "schema.json": json.dumps(schema).encode()}.items():
            made.writestr(inner, content)
    with pytest.raises(ConfigurationError, match=rf"{module}\.{name}"):
        restored(written.getvalue(), LOGISTIC.paths())


def test_a_trees_own_classes_are_read_for_its_package_alone() -> None:
    content = model(FOREST).content
    assert restored(content, FOREST.paths()).n_estimators == 3
    with pytest.raises(ConfigurationError, match=r"sklearn\.tree\._tree\.Tree"):
        restored(content, ["json:JSONDecoder"])


def test_what_skops_cannot_keep_is_refused_with_its_reason() -> None:
    functions = pytest.importorskip("sklearn.preprocessing").FunctionTransformer(lambda rows: rows)
    with pytest.raises(ConfigurationError, match="lambda"):
        kept(functions, ["sklearn.preprocessing:FunctionTransformer"])


def grouped(fallback: PythonModel | None) -> GroupModels:
    fits = (GroupFit("a", 30), GroupFit("b", 10), GroupFit("c", 2, "fewer than 5 rows"))
    return GroupModels("shop", fits, {"a": model(FOREST, 1), "b": model(FOREST, 2)}, fallback)


@pytest.mark.parametrize("has_fallback", [False, True])
def test_each_row_is_scored_by_the_model_of_its_group(has_fallback: bool) -> None:
    fallback = model(LOGISTIC, 3) if has_fallback else None
    made, rows = grouped(fallback), table(4, 500)
    shops = np.array(["a", "b", "c", None, "never seen"], object)[np.arange(500) % 5]
    found = made.predict({**columns(rows), "shop": shops})
    of_all = {shop: own.predict(columns(rows)) for shop, own in made.models.items()}
    others = fallback.predict(columns(rows)) if fallback else np.full(500, np.nan)
    expected = [of_all.get(shop, others)[place] for place, shop in enumerate(shops)]
    assert found == pytest.approx(np.array(expected), nan_ok=True)
    assert GroupModels.of_files(made.files()) == made
    assert made.features == ("shop", *FEATURES)


def test_groups_can_be_numbers() -> None:
    made = GroupModels("shop", (GroupFit(3.0, 9), GroupFit(-0.5, 9)), {3.0: model(), -0.5: model(FOREST)}, None)
    read = GroupModels.of_files(made.files())
    found = read.predict({**columns(table(1, 4)), "shop": np.array([-0.5, np.nan, 3.0, 7.0])})
    expected = [
        model(FOREST).predict(columns(table(1, 4)))[0],
        np.nan,
        model().predict(columns(table(1, 4)))[2],
        np.nan,
    ]
    assert found == pytest.approx(np.array(expected), nan_ok=True)


def test_groups_without_rows_to_score_and_all_missing_are_no_trouble() -> None:
    none = grouped(None).predict({**columns(table()[:0]), "shop": np.empty(0, object)})
    assert none.shape == (0,)
    missing = grouped(None).predict({**columns(table(1, 3)), "shop": np.array([None] * 3, object)})
    assert np.isnan(missing).all()


def test_the_report_names_each_group_without_a_model_and_why() -> None:
    assert grouped(None).report() == (
        "2 of 3 groups of shop have a model; others are scored NaN\n  c, 2 rows: fewer than 5 rows"
    )
    one, two = (made.importance()["amount"] for made in grouped(None).models.values())
    assert grouped(None).importance()["amount"] == pytest.approx(0.75 * one + 0.25 * two)


def test_ensembles_are_read_from_their_files_one_within_the_other() -> None:
    inner = Blend((model(), model(FOREST)), (0.25, 0.75))
    scores = taught(LOGISTIC, ("_score_of_0", "_score_of_1"), table(5), 0)
    made = Stack((inner, grouped(model())), scores)
    read = FittedModel.of_files(FittedModel({}, (), made).files()).learned
    assert read == made
    rows = {**columns(table(6)), "shop": np.array(["a", "x", None] * 100, object)}
    parts = [0.25 * model().predict(rows) + 0.75 * model(FOREST).predict(rows), grouped(model()).predict(rows)]
    expected = scores.scores(np.column_stack(parts))
    assert read.predict(rows) == pytest.approx(expected)
    assert made.features == (*FEATURES, "shop")


def test_a_part_of_an_unknown_kind_is_refused() -> None:
    files = Blend((model(),), (1.0,)).files()
    files["parts.json"] = files["parts.json"].replace(b"python", b"serpent")
    with pytest.raises(ConfigurationError, match="the kind 'serpent'"):
        Blend.of_files(files)


def test_the_importance_of_an_ensemble_is_the_mean_where_all_that_count_tell() -> None:
    forests = [model(FOREST, seed) for seed in (1, 2)]
    told = Blend(tuple(forests), (0.25, 0.75)).importance()
    one, two = (forest.importance()["hour"] for forest in forests)
    assert told["hour"] == pytest.approx(0.25 * one + 0.75 * two)
    assert Blend((forests[0], model()), (0.5, 0.5)).importance() == {}
    assert Blend((forests[0], model()), (1.0, 0.0)).importance() == forests[0].importance()


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_of_a_blend_are_those_of_the_smallest_log_loss(seed: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    draw = np.random.default_rng(seed)
    truth = draw.uniform(0.05, 0.95, 2_000)
    labels = (draw.uniform(size=2_000) < truth).astype(float)
    noise = draw.normal(size=(2_000, 3)) * [0.5, 1.0, 2.0]
    scores = 1 / (1 + np.exp(-(np.log(truth / (1 - truth))[:, None] + noise)))
    chances, weights = np.where(labels[:, None] == 1, scores, 1 - scores), draw.uniform(1, 3, 2_000)

    def loss(shares: Any) -> float:
        return float(-(weights * np.log(chances @ shares)).sum() / weights.sum())

    found = best_weights(chances, weights)
    simplex = {"type": "eq", "fun": lambda shares: shares.sum() - 1}
    expected = optimize.minimize(loss, np.full(3, 1 / 3), bounds=[(0, 1)] * 3, constraints=simplex, tol=1e-12)
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0
    assert loss(np.array(found)) <= expected.fun + 1e-6
    assert found == pytest.approx(expected.x, abs=0.01)


@pytest.mark.parametrize("mean", [1.0, 0.3])
def test_a_bootstrap_draws_by_the_poisson_distribution(mean: float) -> None:
    poisson = pytest.importorskip("scipy.stats").poisson
    assert _cumulated(mean) == pytest.approx(poisson.cdf(np.arange(len(_cumulated(mean))), mean), abs=1e-14)

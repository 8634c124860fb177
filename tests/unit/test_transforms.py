"""Fitted transforms: what they make of columns, that JSON keeps them, their names, and what is wrong as declared."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from aurify.models.booster import Booster
from aurify.models.columns import Columns, columns_of
from aurify.models.estimator import FittedStage, Stage
from aurify.models.fitted import FittedModel, features_after, staged
from aurify.models.kinds import STAGES, class_of
from aurify.models.transforms import Bins, Codes, Imputed, OneHot, Scaled, TargetMean, TfIdf, Word2Vec
from aurify.models.transforms.bins import FittedBins
from aurify.models.transforms.codes import FittedCodes
from aurify.models.transforms.imputed import FittedImputed
from aurify.models.transforms.names import LONGEST, feature_names
from aurify.models.transforms.one_hot import FittedOneHot, fitted_one_hot
from aurify.models.transforms.scaled import FittedScaled
from aurify.models.transforms.target_mean import FittedTargetMean
from aurify.models.transforms.tf_idf import FittedTfIdf
from aurify.models.transforms.word2vec import FittedWord2Vec
from aurify.models.transforms.words import words_of

NAN = float("nan")
MEANS = (((0.4, 0.1, 0.7), (0.3, 0.25, 0.35), (0.9, 0.8, 1 / 3)),)
STAGED: list[FittedStage] = [
    FittedOneHot(("country",), (("de", "at"),), (("country_is_de", "country_is_at", "country_o", "country_m"),)),
    FittedCodes(("shop",), ((7.0, 0.1),), ("shop_code",)),
    FittedTargetMean(("country",), (("de",),), ("country_mean_y",), MEANS),
    FittedScaled(("amount", "shop"), ("a", "s"), (0.1, 1e300), (1 / 3, 1e300)),
    FittedBins(("amount",), ("amount_bin",), ((-1.0, 0.1),)),
    FittedImputed(("amount",), (0.1 + 0.2,), ("amount_imputed",), ("amount_is_missing",)),
    FittedTfIdf("review", ("good", "straße"), (1.1, 1 / 7), ("g", "s")),
    FittedWord2Vec("review", ("good", "bad"), ((0.1, -0.3), (1e-9, 2.0)), ("v0", "v1")),
]


def texts(*values: Any) -> Any:
    return np.fromiter(values, object, len(values))


def numbers(*values: float) -> Any:
    return np.array(values, np.float64)


COLUMNS: Columns = {
    "country": texts("de", None, "fr", "at"),
    "shop": numbers(7, NAN, 0.1, 8),
    "amount": numbers(0.1, NAN, -5, 3),
    "review": texts("Good, good price", None, "", "bad STRASSE good"),
}


@pytest.mark.parametrize("stage", STAGED, ids=lambda stage: stage.kind)
def test_json_keeps_every_stage_exactly(stage: FittedStage) -> None:
    kept = json.loads(json.dumps(stage.as_dict()))
    again = class_of(stage.kind, STAGES).of_dict(kept)
    assert again == stage
    assert hash(again) == hash(stage), "tuples all the way"
    for name, values in again.applied(COLUMNS).items():
        np.testing.assert_array_equal(values, stage.applied(COLUMNS)[name])


def test_every_kind_is_kept_and_tried_here() -> None:
    assert {stage.kind for stage in STAGED} == {kind for kind, place in STAGES.items() if ".transforms." in place}


@pytest.mark.parametrize("stage", STAGED, ids=lambda stage: stage.kind)
def test_the_outputs_are_doubles_one_a_row_in_the_order_told(stage: FittedStage) -> None:
    columns = {name: COLUMNS[name] for name in stage.reads}
    for found in (stage.applied(columns), stage.applied_in_training(columns, numbers(0, 1, 0, 1))):
        assert tuple(found) == stage.outputs
        assert {(values.dtype, values.shape) for values in found.values()} == {(np.dtype(np.float64), (4,))}
    none = {name: values[:0] for name, values in columns.items()}
    assert {len(values) for values in stage.applied(none).values()} == {0}


@pytest.mark.parametrize("stage", STAGED, ids=lambda stage: stage.kind)
def test_a_row_has_the_same_outputs_alone_as_among_others(stage: FittedStage) -> None:
    together = stage.applied(COLUMNS)
    for row in range(4):
        alone = stage.applied({name: values[row : row + 1] for name, values in COLUMNS.items()})
        for name, values in alone.items():
            np.testing.assert_array_equal(values, together[name][row : row + 1])


def test_one_slot_of_a_category_is_1() -> None:
    found = STAGED[0].applied(COLUMNS)
    assert np.stack(list(found.values())).T.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]]


def test_codes_are_places_and_only_they_are_categorical() -> None:
    np.testing.assert_array_equal(STAGED[1].applied(COLUMNS)["shop_code"], numbers(0, NAN, 1, NAN))
    assert [stage.kind for stage in STAGED if stage.categorical] == ["codes"]
    assert STAGED[1].categorical == ("shop_code",)


def test_a_key_is_found_in_whatever_form_a_batch_has_it() -> None:
    of_numbers = FittedCodes(("x",), ((1.0, 46980911.48, 0.0),), ("c",))
    for values in (
        numbers(1, 46980911.48, -0.0),
        texts(1, Decimal("46980911.48"), False),
        texts(True, 46980911.48, np.float64(-0.0)),
    ):
        assert of_numbers.applied({"x": values})["c"].tolist() == [0, 1, 2]
    assert of_numbers.applied({"x": np.array([True, False])})["c"].tolist() == [0, 2]
    of_texts = FittedCodes(("x",), (("2024-02-29", "1"),), ("c",))
    odd = of_texts.applied({"x": texts(date(2024, 2, 29), "1", 1.0, ["1"], NAN, None)})["c"]
    np.testing.assert_array_equal(odd, numbers(0, 1, NAN, NAN, NAN, NAN))
    np.testing.assert_array_equal(of_texts.applied({"x": numbers(1, NAN)})["c"], numbers(NAN, NAN))


def test_decimals_arrive_as_the_nearest_double_and_lists_as_lists() -> None:
    batch = pa.record_batch(
        [
            pa.array([Decimal("46980911.48"), Decimal("-0.07"), None], pa.decimal128(18, 2)),
            pa.array([["a", "b"], ["c", "d"], ["e", "f"]]),
        ],
        ["amount", "tags"],
    )
    found = columns_of(batch, {"amount": "amount", "tags": "tags"})
    np.testing.assert_array_equal(found["amount"], numbers(46980911.48, -0.07, NAN))
    assert found["tags"].tolist() == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert found["tags"].shape == (3,)


def test_a_row_in_training_has_the_mean_without_its_fold() -> None:
    stage = FittedTargetMean(("country",), (("de",),), ("m",), MEANS)
    columns = {"country": texts("de", "de", "fr", None)}
    assert stage.applied(columns)["m"].tolist() == [0.4, 0.4, 0.3, 0.9]
    assert stage.applied_in_training(columns, numbers(0, 1, 1, 0))["m"].tolist() == [0.1, 0.7, 0.35, 0.8]


def test_numbers_are_scaled_put_in_bins_and_filled() -> None:
    amounts = {"amount": numbers(0.1, NAN, -1, 3, float("inf"))}
    scaled = FittedScaled(("amount",), ("a",), (1.0,), (2.0,))
    np.testing.assert_array_equal(scaled.applied(amounts)["a"], numbers(-0.45, NAN, -1, 1, float("inf")))
    binned = FittedBins(("amount",), ("b",), ((-1.0, 0.1),)).applied(amounts)["b"]
    np.testing.assert_array_equal(binned, numbers(2, NAN, 1, 2, 2))
    filled = FittedImputed(("amount",), (9.0,), ("f",), ("m",)).applied(amounts)
    np.testing.assert_array_equal(filled["f"], numbers(0.1, 9, -1, 3, float("inf")))
    assert filled["m"].tolist() == [0, 1, 0, 0, 0]


def test_texts_are_words_in_lower_case_and_lists_are_as_they_are() -> None:
    assert words_of("It's 5 EUR: Straße, x_1 ÉTÉ!") == ["it", "eur", "straße", "x_1", "été"]
    assert words_of(["A", "b c", None]) == ["A", "b c"]
    assert words_of(None) == words_of(7.5) == []


def test_a_text_has_weights_of_length_1_and_the_mean_of_its_known_words() -> None:
    found = STAGED[6].applied(COLUMNS)
    assert found["g"].tolist() == [1.0, 0.0, 0.0, 1.0]
    both = FittedTfIdf("t", ("aa", "bb"), (3.0, 2.0), ("a", "b")).applied({"t": texts("bb aa bb zz")})
    assert (both["a"][0], both["b"][0]) == pytest.approx((0.6, 0.8))
    vectors = STAGED[7].applied(COLUMNS)
    np.testing.assert_array_equal(vectors["v1"], numbers(-0.3, NAN, NAN, 0.85))


def test_names_are_plain_and_none_is_there_twice() -> None:
    wanted = [
        ("land", "is", "Côte d'Ivoire"), ("land", "is", "日本"), ("land", "is", "中国"), ("land", "is", "a b"),
        ("land", "is", "A-b"), ("land", "is", ""), ("land", "is", "x" * 500), ("land", "is", "x" * 501),
        ("land", "is", 'q":,[]{}'), ("land", "other"), ("land", "is", "taken"), ("is", "land_is", "de"),
        ("is_land", "is", "de"),
    ]  # fmt: skip
    names = feature_names(wanted, ["Land_Is_Taken"])
    assert len({name.lower() for name in (*names, "land_is_taken")}) == len(wanted) + 1
    assert all(name.isascii() and name.replace("_", "a").isalnum() for name in names)
    assert (names[0], names[8], names[9]) == ("land_is_Cote_d_Ivoire", "land_is_q", "land_other")
    assert max(map(len, names)) <= LONGEST + 7
    turned = feature_names(wanted[::-1], ["Land_Is_Taken"])
    assert turned[::-1] == names, "a name is no matter of order"


def test_a_name_that_is_taken_with_its_hash_gets_a_longer_one() -> None:
    (once,) = feature_names([("a b",)], ["a_b"])
    (again,) = feature_names([("a b",)], ["a_b", once])
    assert again.startswith(once)
    assert len(again) == len(once) + 2


def test_slots_are_named_for_numbers_too() -> None:
    stage = fitted_one_hot(("shop",), [(3.0, -3.0, 0.5, -0.5)], ["shop"])
    slots = ("shop_is_3", "shop_is_minus_3", "shop_is_0_5", "shop_is_minus_0_5")
    assert stage.outputs == (*slots, "shop_other", "shop_missing")


def test_a_model_keeps_its_stages_and_later_ones_read_what_earlier_ones_made() -> None:
    filled = FittedImputed(("amount",), (2.0,), ("amount_imputed",), ())
    stages = (filled, FittedScaled(("amount_imputed",), ("amount_imputed_scaled",), (1.0,), (0.5,)))
    found = staged({"amount": numbers(NAN, 1)}, stages)
    assert found["amount_imputed_scaled"].tolist() == [2.0, 0.0]
    assert features_after(("amount", "hour"), stages) == ("hour", "amount_imputed_scaled")
    model = FittedModel({"amount": "double"}, stages, Booster("feature_names=a\n", ("a",)))
    kept = json.loads(model.files()["model.json"])["stages"]
    read = [class_of(told.pop("kind"), STAGES).of_dict(told) for told in kept]
    assert tuple(read) == stages


MISTAKES: list[tuple[Stage, list[str]]] = [
    (OneHot("country", 0), ["columns: found 'country'", 'write ("name",)', "most: found 0"]),  # type: ignore[arg-type]
    (Codes(("a", "b", "a"), True), ["'a' twice", "most: found True"]),
    (TargetMean((), -1.0, 0), ["columns: found none", "smoothing: found -1.0", "most: found 0"]),
    (TargetMean(("a",), NAN), ["smoothing: found nan"]),
    (Scaled(("a",), "standart"), ["by: found 'standart'", "did you mean 'standard'?"]),  # type: ignore[arg-type]
    (Bins(("a",), 1, (2.0, 1.0)), ["bins: found 1", "borders: found (2.0, 1.0)"]),
    (Bins(("a",), borders=()), ["borders: found ()"]),
    (Bins(("a",), borders=(0.0, NAN)), ["borders: found (0.0, nan)"]),
    (Imputed(("a",), "medain"), ["by: found 'medain'", "did you mean 'median'?"]),
    (Imputed(("a",), float("inf")), ["by: found inf"]),
    (TfIdf(("a",), 0, 0), ["column: found ('a',)", "most: found 0", "fewest_documents: found 0"]),  # type: ignore[arg-type]
    (Word2Vec("a", size=0, passes=0), ["size: found 0", "passes: found 0"]),
]


@pytest.mark.parametrize(("stage", "parts"), MISTAKES, ids=[type(stage).__name__ for stage, _ in MISTAKES])
def test_all_that_is_wrong_with_a_stage_is_told_without_spark(stage: Stage, parts: list[str]) -> None:
    problems = stage.problems("churn: stage 2")
    text = "\n".join(line for problem in problems for line in problem.lines())
    assert [part for part in parts if part not in text] == []
    assert len(problems) == sum(": found" in part or "twice" in part for part in parts)
    assert {problem.where for problem in problems} == {"churn: stage 2"}


def test_stages_that_are_right_have_no_problems() -> None:
    right: list[Stage] = [
        OneHot(("a",)), Codes(("a", "b")), TargetMean(("a",)), Scaled(("a",), "robust"), Bins(("a",), borders=(0, 1.5)),
        Imputed(("a",), 0), Imputed(("a",), "mean", indicator=True), TfIdf("a"), Word2Vec("a"),
    ]  # fmt: skip
    assert [stage.problems("here") for stage in right] == [[]] * len(right)

"""The card of a trained version: what it is, was made of, can do and can't, with figures; kept with its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aurify.models.booster import Booster
from aurify.models.card import Card, Decision, Part, TrainingData
from aurify.models.card_page import card_page
from aurify.models.curve_points import curve_points
from aurify.models.declare import ModelSpec
from aurify.models.distillation import distillation
from aurify.models.explain import contribution_sample, shap_importance
from aurify.models.explain.figures import contributions_figure, importance_figure
from aurify.models.figures import (
    calibration_figure,
    lift_figure,
    precision_recall_figure,
    roc_figure,
    score_figure,
    segments_figure,
)
from aurify.models.fitted import FittedModel
from aurify.models.gate import Decision as Gated
from aurify.models.gate import Versus
from aurify.models.judged import Judgement
from aurify.models.registry import CHALLENGER, CHAMPION, Run, Version

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CARD, PAGE, DISTILLATION = "card.json", "card.html", "distillation.json"


def explained(
    model: FittedModel, scored: Mapping[str, DataFrame], told: Mapping[str, Judgement], spec: ModelSpec
) -> dict[str, Any]:
    """Figures by title and the importance of features by SHAP, of the test rows, and a student beside its teacher.

    SHAP is of boosted trees only.
    """
    test, target = scored["test"], spec.data.target
    curves = {part: curve_points(rows, target) for part, rows in scored.items()}
    metrics = {part: judgement.metrics for part, judgement in told.items()}
    figures = {
        "Precision and recall": precision_recall_figure(curves),
        "ROC": roc_figure(curves),
        "Lift": lift_figure(metrics),
    }
    if curves["test"].histogram:
        figures["Scores"] = score_figure(curves["test"])
        figures["Calibration"] = calibration_figure(metrics)
    for column, segments in told["test"].segments.items():
        figures[f"By {column}"] = segments_figure(segments, column)
    importance = model.learned.importance()
    if importance:
        figures["Importance"] = importance_figure(importance)
    shap: dict[str, float] = {}
    if isinstance(model.learned, Booster):
        shap = shap_importance(model, test)
        figures["Contributions"] = contributions_figure(contribution_sample(model, test, seed=spec.seed))
    numbers = {part: judgement.numbers for part, judgement in told.items()}
    beside = distillation(model, scored, numbers, target, spec.metric)
    importances = {"importance": dict(importance), "shap_importance": shap}
    return {"figures": figures, **importances, "distillation": beside.as_dict() if beside else {}}


def card_of(
    spec: ModelSpec,
    record: Mapping[str, Any],
    told: Mapping[str, Judgement],
    gated: tuple[Gated, Versus | None],
    made: Version,
    explanations: Mapping[str, Any],
) -> Card:
    """The card of a version that the gate has decided about."""
    decision, versus = gated
    champion = str(versus.champion) if versus else None
    parts = [_part(name, span, told.get(name)) for name, span in record["dates"].items()]
    estimator = dict(record["estimator"])
    return Card(
        name=spec.name,
        version=str(made.number),
        owner=spec.owner,
        made_at=made.created.isoformat(timespec="seconds"),
        purpose=spec.doc,
        data=TrainingData(record["training_set"], spec.data.target, record["versions"], tuple(parts)),
        estimator=str(estimator.pop("kind", type(spec.estimator).__name__)),
        parameters={**estimator, "seed": spec.seed, "workers": spec.workers},
        stages=record["stages"],
        features=record["features"],
        alias=CHAMPION if decision.passed else CHALLENGER if decision.within_limits else None,
        decision=Decision(decision.passed, decision.reasons or decision.checks, champion),
        metrics={part: {**judgement.numbers, "at": judgement.metrics.at} for part, judgement in told.items()},
        intervals={part: [judgement.sure] for part, judgement in told.items()},
        segments=told["test"].segments,
        clusters=[*told["test"].missed, *told["test"].false_alarms],
        fingerprints={"model": made.fingerprint, "function": record["code"], **_there(record["suites"])},
        environment=record["environment"],
        **explanations,
    )


def keep_card(run: Run, card: Card) -> None:
    """Keep the card with the run: as data, as a page, and its figures."""
    run.text(CARD, json.dumps(card.as_dict()))
    run.text(PAGE, card_page(card))
    if card.distillation:
        run.text(DISTILLATION, json.dumps(card.distillation, indent=1))
    for title, content in card.figures.items():
        run.file(f"figures/{title.lower().replace(' ', '_')}.png", content)


def _part(name: str, span: list[str], judgement: Judgement | None) -> Part:
    if judgement is None:
        return Part(name, span[0], span[1])
    return Part(name, span[0], span[1], judgement.metrics.rows, judgement.metrics.positives)


def _there(suites: Mapping[str, str | None]) -> dict[str, str]:
    return {f"suite of {table}": told for table, told in suites.items() if told is not None}

"""The model card: its JSON says all of it, its page is whole, safe and fetches nothing."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from aurify.errors import ConfigurationError
from aurify.models import At, ErrorCluster, Interval, Metrics, SegmentMetrics
from aurify.models.card import Card, Decision, Part, TrainingData, plain
from aurify.models.card_page import card_page

HOSTILE = "<script>alert('x')</script> & \"quoted\""
PNG = b"\x89PNG\r\n\x1a\n and more"
EMPTY = {"meta", "img"}


def metrics(area: float | None = 0.9, rows: int = 12_345) -> Metrics:
    return Metrics(
        rows=rows, positives=321, at=At(threshold=0.4), roc_auc=area, average_precision=0.61, ks=0.5, precision=0.7,
        recall=0.55, f1=0.6, recall_at_precision=0.2, threshold_at_precision=None, lift=(5.0, 2.0), brier=0.01,
        log_loss=0.05, expected_calibration_error=0.002, calibration=(),
    )  # fmt: skip


def segment(name: str | None, area: float, too_few: bool = False) -> SegmentMetrics:
    return SegmentMetrics(name, metrics(area), too_few)


def full_card() -> Card:
    data = TrainingData(
        "gold.payments_labelled", "is_fraud", {"silver.payments": 1_234_567},
        (Part("training", "2024-01-01", "2024-03-01", 100_000, 900), Part("gap", "2024-03-01", "2024-03-08"),
         Part("test", "2024-04-01", "2024-05-01", 12_345, 321)),
    )  # fmt: skip
    interval = Interval("average_precision", 0.61, 0.57, 0.6543, 0.95, 200)
    cluster = ErrorCluster((("shop", HOSTILE), ("hour", None)), 1_050, 30, 0.0286, 3.25, (7, date(2024, 4, 2)))
    return Card(
        name="fraud", version="7", alias="champion", owner="payments team", made_at="2024-05-02T10:00:00+00:00",
        purpose="Flags payments for a person to look at.", data=data, estimator="BarrierLightGBM",
        parameters={"num_leaves": 31, "seed": 20_240_501, "learning_rate": 0.05, "note": HOSTILE},
        stages=[{"kind": "target_encoding", "columns": ["shop"]}], features=["amount", "shop_rate"],
        decision=Decision(True, ("average precision is 0.02 better",), "version 6"),
        metrics={"validation": metrics(0.93), "test": metrics()}, intervals={"test": [interval]},
        segments={"shop": [segment("dear", 0.91), segment("cheap", 0.84), segment(None, 0.2, too_few=True)]},
        clusters=[cluster], importance={"amount": 0.75, "shop_rate": 0.25}, shap_importance={"amount": 1.5},
        figures={"Precision & recall": PNG}, fingerprints={"code": "c0de"}, environment={"lightgbm": "4.7.0"},
        not_for=["refusing a payment alone"], ethics=["names are not read"], limits=["new shops have no rate"],
    )  # fmt: skip


def bare_card() -> Card:
    return Card("m", "1", "o", "2024-05-02", "p", TrainingData("t", "y", {}, ()), "e")


class Page(HTMLParser):
    """What a browser would make of it: text, tags, what is fetched, and whether all that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.lines: list[tuple[str, list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.lines.append((told.get("class") or "", []))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if "tr" in self.open:
            self.lines[-1][1].append(data)


def test_a_card_goes_through_json_and_back() -> None:
    card = full_card()
    text = json.dumps(card.as_dict(), allow_nan=False)
    assert Card.of_dict(json.loads(text)) == card
    assert Card.of_dict(json.loads(text)).figures == {"Precision & recall": PNG}
    assert Card.of_dict(bare_card().as_dict()) == bare_card()


def test_results_are_made_plain() -> None:
    found: Any = plain({"interval": Interval("ks", 0.5, math.nan, math.inf, 0.95, 0), "n": np.int64(3), "b": np.True_})
    assert found["interval"]["low"] is None
    assert found["interval"]["high"] is None
    assert json.dumps([found["n"], found["b"]]) == "[3, true]"
    assert full_card().metrics["test"]["at"]["threshold"] == 0.4


def test_a_card_of_another_version_is_refused_with_all_its_problems() -> None:
    told = bare_card().as_dict()
    del told["owner"]
    with pytest.raises(ConfigurationError) as error:
        Card.of_dict({**told, "format": 2, "limts": []})
    for part in ("format 2", "no 'owner'", "'limts'", "did you mean 'limits'?"):
        assert part in str(error.value), part


@pytest.mark.parametrize("card", [full_card(), bare_card()], ids=["full", "bare"])
def test_a_page_has_all_sections_and_fetches_nothing(card: Card) -> None:
    text = card_page(card)
    page = Page(text)
    assert page.open == []
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "Model details", "Intended use", "Factors", "Metrics", "Training and evaluation data", "Quantitative analyses",
        "Decision of the gate", "Ethical considerations", "Caveats and known limits",
    ]  # fmt: skip
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors == set(re.findall(r'<section id="([^"]+)"', text))


def test_a_page_tells_all_that_the_card_has() -> None:
    text = " ".join(Page(card_page(full_card())).words)
    for part in (
        "fraud, version 7", "champion", "payments team", "Flags payments", "refusing a payment alone",
        "BarrierLightGBM",
        "20240501", "target_encoding", "shop_rate", "gold.payments_labelled", "1234567", "2024-03-08", "100,000",
        "0.61 (95%: 0.57 to 0.6543)", "0.93", "score of 0.4 or more", "too few to tell", "hour = NULL", "3.25",
        "7, 2024-04-02", "0.75", "1.5", "promoted", "version 6", "average precision is 0.02 better", "c0de", "4.7.0",
        "names are not read", "new shops have no rate",
    ):  # fmt: skip
        assert part in text, part


def test_what_a_user_wrote_is_text_and_no_markup() -> None:
    card = full_card()
    hostile = replace(
        card, name=HOSTILE, owner=HOSTILE, purpose=HOSTILE, limits=[HOSTILE], figures={HOSTILE: PNG},
        metrics={HOSTILE: metrics()}, segments={HOSTILE: [segment(HOSTILE, 0.9)]}, importance={HOSTILE: 1.0},
        environment={HOSTILE: HOSTILE}, data=replace(card.data, table=HOSTILE, versions={HOSTILE: 1}),
        decision=Decision(False, (HOSTILE,), HOSTILE),
    )  # fmt: skip
    text = card_page(hostile)
    assert "script" not in Page(text).tags
    assert "<script" not in text
    assert "".join(Page(text).words).count(HOSTILE) >= 16
    assert "not promoted" in text


def test_a_weak_segment_and_one_of_too_few_are_marked() -> None:
    lines = {words[0]: mark for mark, words in Page(card_page(full_card())).lines if words}
    assert (lines["dear"], lines["cheap"], lines["NULL"]) == ("usual", "weak", "few")


def test_metrics_of_a_regression_are_told_as_well() -> None:
    text = card_page(replace(bare_card(), metrics={"test": {"rows": 10, "rmse": 2.5}}))
    page = Page(text)
    assert ("", ["rmse", "2.5"]) in page.lines
    assert "roc auc" not in text


def test_parts_that_nobody_filled_are_told_as_such() -> None:
    text = card_page(bare_card())
    for part in ("No stage", "No figure", "No metric was told", "No gate has judged it", "Nothing was stated"):
        assert part in text, part

"""Texts as weights of their words."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.plain_stage import StageOfText
from aurify.models.transforms.read_columns import WORDS, of_columns, of_count, of_text_column, refuse
from aurify.models.transforms.words import most_frequent_words, of_words, words_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class TfIdf:
    """`review` becomes `review_tfidf_price`, ... of its `most` frequent words, those in `fewest_documents` or more.

    The column is a text, cut into words of two letters or more in lower case, or array<string>. A word's weight is how
    often it is in the text, times ln((1 + documents) / (1 + documents with it)) + 1; the weights of a text have the
    length 1. So are they in scikit-learn's TfidfVectorizer as it comes. A text of no known word, and a missing one,
    is all 0.
    """

    column: str
    most: int = 1_000
    fewest_documents: int = 1

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        counts = (("most", self.most), ("fewest_documents", self.fewest_documents))
        return [*of_text_column(where, self.column), *(p for key, count in counts for p in of_count(where, key, count))]

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedTfIdf:
        """Count the words. ConfigurationError: the column, or no word in it."""
        refuse("TfIdf", of_columns("TfIdf", (self.column,), rows, features, WORDS))
        documents, found = most_frequent_words(rows, self.column, self.most, self.fewest_documents)
        refuse("TfIdf", of_words("TfIdf", self.column, found, self.fewest_documents))
        words = tuple(sorted(found))
        weights = tuple(math.log((1 + documents) / (1 + found[word])) + 1 for word in words)
        names = feature_names([(self.column, "tfidf", word) for word in words], rows.columns)
        return FittedTfIdf(self.column, words, weights, names)


@dataclass(frozen=True)
class FittedTfIdf(StageOfText):
    """`words`, their `weights` and `names` belong together."""

    column: str
    words: tuple[str, ...]
    weights: tuple[float, ...]
    names: tuple[str, ...]
    kind: ClassVar[str] = "tf_idf"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The weights of each text."""
        places = self._places
        texts = columns[self.column]
        found = np.zeros((len(self.words), len(texts)))
        for row, text in enumerate(texts):
            times = Counter(places[word] for word in words_of(text) if word in places)
            weights = {place: count * self.weights[place] for place, count in times.items()}
            length = math.sqrt(math.fsum(weight * weight for weight in weights.values()))
            for place, weight in weights.items():
                found[place, row] = weight / length
        return dict(zip(self.names, found, strict=True))

"""Texts as the mean of their words' vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers, columns_of
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.plain_stage import StageOfText
from aurify.models.transforms.read_columns import WORDS, of_columns, of_count, of_text_column, refuse
from aurify.models.transforms.words import most_frequent_words, of_words, words_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Word2Vec:
    """`review` becomes `review_vector_0`, ... : of a text the mean of the vectors of the words in it that are known.

    The vectors, of `size` numbers, are those of Spark ML's Word2Vec (skip-gram with hierarchical softmax: Mikolov et
    al., "Distributed representations of words and phrases", 2013) for the `most` frequent words that are in
    `fewest_documents` or more. The column is cut as by TfIdf. A text of no known word, and a missing one, is NaN.

    One task learns from all the texts in sorted order, so that the same rows give the same vectors: it is for texts
    that one core can go through `passes` times.
    """

    column: str
    size: int = 50
    window: int = 5
    passes: int = 1
    fewest_documents: int = 5
    most: int = 10_000
    seed: int = 0

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        keys = ("size", "window", "passes", "fewest_documents", "most")
        found = [problem for key in keys for problem in of_count(where, key, getattr(self, key))]
        return [*of_text_column(where, self.column), *found]

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedWord2Vec:
        """Count the words, then learn. ConfigurationError: the column, or no word in it."""
        refuse("Word2Vec", of_columns("Word2Vec", (self.column,), rows, features, WORDS))
        _, found = most_frequent_words(rows, self.column, self.most, self.fewest_documents)
        refuse("Word2Vec", of_words("Word2Vec", self.column, found, self.fewest_documents))
        vectors = self._vectors(rows, frozenset(found))
        names = feature_names([(self.column, "vector", str(place)) for place in range(self.size)], rows.columns)
        return FittedWord2Vec(self.column, tuple(vectors), tuple(vectors.values()), names)

    def _vectors(self, rows: DataFrame, known: frozenset[str]) -> dict[str, tuple[float, ...]]:
        from pyspark.ml.feature import Word2Vec as Learner
        from pyspark.sql import functions as F

        texts = rows.select(F.col(quoted(self.column)).alias("_text"))
        words = texts.mapInArrow(partial(_known_words, known=known), "words array<string>")
        ordered = words.repartition(1).sortWithinPartitions("words")
        learner = Learner(
            vectorSize=self.size, windowSize=self.window, maxIter=self.passes, seed=self.seed, minCount=1,
            numPartitions=1, inputCol="words", outputCol="vector",
        )  # fmt: skip
        found = learner.fit(ordered).getVectors().collect()
        # The shortest text of a 4-byte number: half the size in a file, and the same number.
        return {
            row["word"]: tuple(float(str(np.float32(part))) for part in row["vector"].toArray())
            for row in sorted(found, key=lambda row: str(row["word"]))
        }


def _known_words(batches: Iterable[pa.RecordBatch], known: frozenset[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        texts = columns_of(batch, {"text": "_text"})["text"]
        kept = [[word for word in words_of(text) if word in known] for text in texts]
        yield pa.RecordBatch.from_arrays([pa.array(kept, pa.list_(pa.string()))], ["words"])


@dataclass(frozen=True)
class FittedWord2Vec(StageOfText):
    """`words` and their `vectors` belong together; `names` has one for each part of a vector."""

    column: str
    words: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]
    kind: ClassVar[str] = "word2vec"

    @cached_property
    def _known(self) -> tuple[dict[str, int], Numbers]:
        return {word: place for place, word in enumerate(self.words)}, np.array(self.vectors, np.float64)

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The mean vector of each text."""
        places, vectors = self._known
        texts = columns[self.column]
        found = np.full((len(self.names), len(texts)), np.nan)
        for row, text in enumerate(texts):
            known = [places[word] for word in words_of(text) if word in places]
            if known:
                found[:, row] = vectors[known].mean(axis=0)
        return dict(zip(self.names, found, strict=True))

"""Texts as words, and how often each word is in them.

Texts are cut by the same Python where a stage is fitted and where it is applied: Java and Python differ in what a
letter is, and in lower case.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.models.columns import columns_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

WORD, TEXTS, TIMES = "word", "texts", "times"
_WORDS = re.compile(r"\b\w\w+\b")


def words_of(value: Any) -> list[str]:
    """The words of a text in lower case, of two characters or more; those of a list as they are; none if missing.

    >>> words_of("The price: 5 EUR, a bargain")
    ['the', 'price', 'eur', 'bargain']
    """
    if isinstance(value, str):
        return _WORDS.findall(value.lower())
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def most_frequent_words(rows: DataFrame, column: str, most: int, fewest_texts: int) -> tuple[int, dict[str, int]]:
    """How many rows there are, and of the `most` frequent words in how many of them each is.

    Words in fewer texts than `fewest_texts` don't count; of two as frequent the first of the alphabet does. Only they
    reach the driver; one Spark action.
    """
    from pyspark.sql import functions as F

    schema = f"{WORD} string, {TEXTS} long, {TIMES} long"
    found = rows.select(F.col(quoted(column)).alias("_text")).mapInArrow(_counted, schema).groupBy(WORD)
    table = found.agg(F.sum(TEXTS).alias(TEXTS), F.sum(TIMES).alias(TIMES))
    is_word = F.col(WORD).isNotNull()
    kept = table.where(~is_word | (F.col(TEXTS) >= fewest_texts)).orderBy(is_word, F.desc(TIMES), WORD)
    told = {row[WORD]: int(row[TEXTS]) for row in kept.limit(most + 1).collect()}
    return told.pop(None, 0), told


def _counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Of each batch its words with their texts and times, and as the word NULL all its rows."""
    import pyarrow as pa

    for batch in batches:
        times: Counter[str] = Counter()
        texts: Counter[str] = Counter()
        for value in columns_of(batch, {"text": "_text"})["text"]:
            words = words_of(value)
            times.update(words)
            texts.update(set(words))
        told: list[str | None] = [*times, None]
        counts = [pa.array([*(found[word] for word in times), batch.num_rows], pa.int64()) for found in (texts, times)]
        yield pa.RecordBatch.from_arrays([pa.array(told, pa.string()), *counts], [WORD, TEXTS, TIMES])


def of_words(where: str, column: str, found: Mapping[str, int], fewest_texts: int) -> list[Problem]:
    """Whether there is any word."""
    if found:
        return []
    hint = "ask for fewer, or see why it is empty"
    return [Problem(where, f"no word in '{column}' that {fewest_texts} rows have", "one or more", hint)]

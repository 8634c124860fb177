"""Names of the features that a stage makes: plain ASCII that every learner takes, and none twice."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

LONGEST = 60
_DIGITS = 6
_OTHERS = re.compile(r"[^A-Za-z0-9]+")


def feature_names(wanted: Sequence[Sequence[str]], taken: Iterable[str]) -> tuple[str, ...]:
    """A name for each of the wanted, which are told in parts; letters of either case are the same, as for Spark.

    One that clashes, or of whose parts nothing plain is left, ends in a hash of its parts: it does not depend on order.

    >>> feature_names([("country", "is", "de"), ("country", "is", "a b"), ("country", "is", "A-b")], ["id"])
    ('country_is_de', 'country_is_a_b_0bb640', 'country_is_A_b_ef339e')
    """
    used = {name.lower() for name in taken}
    plain = [[_plain(part) for part in parts] for parts in wanted]
    counted = Counter("_".join(parts).lower() for parts in plain)
    found = []
    for parts, shown in zip(wanted, plain, strict=True):
        stem = "_".join(shown)
        name, digits = stem, _DIGITS
        is_clear = counted[stem.lower()] == 1 and all(shown) and len(stem) <= LONGEST
        while not is_clear or name.lower() in used:
            digest = sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
            name, digits, is_clear = f"{stem[:LONGEST].rstrip('_')}_{digest[:digits]}", digits + 2, True
        used.add(name.lower())
        found.append(name)
    return tuple(found)


def _plain(part: str) -> str:
    """Letters without their marks, digits, and `_` for the rest.

    >>> _plain("Côte d'Ivoire")
    'Cote_d_Ivoire'
    """
    return _OTHERS.sub("_", unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()).strip("_")


def told(value: str | float) -> str:
    """A category as a part of a name.

    >>> told(-3.0), told(0.5), told("de")
    ('minus_3', '0.5', 'de')
    """
    if isinstance(value, str):
        return value
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return f"minus_{text[1:]}" if text.startswith("-") else text

"""How the arguments of table expectations are read, besides those that row expectations have too."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from string import Formatter

from pyspark.sql import types as T

from aurify.errors import did_you_mean
from aurify.quality.row_rules.arguments import FLAG, MOSTLY, THE_NUMBER, Argument, Reader, Types
from aurify.quality.values import Unfit, fitting, shown

TYPE_NAMES = tuple(
    name for name, kind in vars(T).items() if isinstance(kind, type) and issubclass(kind, T.DataType) and name[0] != "_"
)
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_DURATION = re.compile(rf"(\d+) ?({'|'.join(_UNITS)})s?")
_CLOSE = 1e-8 + 1e-5


def _whole(value: object, types: Types) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        raise Unfit(shown(value), "a whole number")
    return int(value)


def _count(value: object, types: Types) -> int:
    count = _whole(value, types)
    if count < 0:
        raise Unfit(shown(value), "a number of rows, values or columns, 0 or more")
    return count


def _natural(value: object, types: Types) -> int:
    count = _count(value, types)
    if not count:
        raise Unfit("0", "1 or more")
    return count


def _double(value: object, types: Types) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unfit(shown(value), "a finite number")
    return float(value)


def _magnitude(value: object, types: Types) -> float:
    magnitude = _double(value, types)
    if magnitude < 0:
        raise Unfit(shown(value), "a number, 0 or more")
    return magnitude


def _one_of(*words: str) -> Reader:
    def read(value: object, types: Types) -> str:
        if value in words:
            return str(value)
        raise Unfit(shown(value), f"one of {', '.join(words)}")

    return read


def _items(value: object, what: str) -> Sequence[object]:
    if isinstance(value, list | tuple) and value:
        return value
    raise Unfit("an empty list" if value == [] else shown(value), f"a list of {what}")


def _type_name(value: object, types: Types) -> str:
    if value in TYPE_NAMES:
        return str(value)
    raise Unfit(shown(value), "a type of Spark, like IntegerType", did_you_mean(str(value), TYPE_NAMES))


def _type_names(value: object, types: Types) -> tuple[str, ...]:
    """Those that Spark knows: lists made for several engines name types of others too."""
    listed = [str(name) for name in _items(value, "types")]
    known = tuple(name for name in listed if name in TYPE_NAMES)
    if not known:
        hint = did_you_mean(listed[0], TYPE_NAMES)
        raise Unfit(", ".join(listed), "at least one type of Spark, like IntegerType", hint)
    return known


def _query(value: object, types: Types) -> str:
    if not isinstance(value, str):
        raise Unfit(shown(value), "a query, as text")
    try:
        fields = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
    except ValueError as fault:
        hint = "write {{ and }} for braces of the query itself"
        raise Unfit(f"a brace that is not closed: {fault}", "{batch} where the rows go", hint) from fault
    if fields != {"batch"}:
        found = f"{{{'}, {'.join(sorted(fields))}}}" if fields else "no {batch}"
        hint = "like: SELECT * FROM {batch} WHERE quantity < 0; write {{ and }} for braces of the query itself"
        raise Unfit(found, "{batch} where the rows go, and no other placeholder", hint)
    return value.rstrip("; \t\r\n\x0b\x0c")


def _quantile_ranges(value: object, types: Types) -> tuple[tuple[float, float | None, float | None], ...]:
    """Triples of a quantile and the bounds of its value, None where there is none."""
    parts = _mapping(value, ("quantiles", "value_ranges"), ())
    quantiles = [_double(q, types) for q in _items(parts["quantiles"], "quantiles")]
    ranges = _items(parts["value_ranges"], "ranges")
    if len(quantiles) != len(ranges):
        raise Unfit(f"{len(quantiles)} quantiles and {len(ranges)} value_ranges", "a range for each quantile")
    return tuple((_quantile(q), *_bounds(range_)) for q, range_ in zip(quantiles, ranges, strict=True))


def _quantile(value: float) -> float:
    if not 0 <= value <= 1:
        raise Unfit(shown(value), "quantiles between 0 and 1")
    return value


def _bounds(value: object) -> tuple[float | None, float | None]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Unfit(shown(value), "a range: two numbers, or null for no bound")
    low, high = (None if bound is None else _double(bound, ()) for bound in value)
    if low is not None and high is not None and low > high:
        raise Unfit(f"the range {shown(value)}", "a low bound not above the high one")
    return low, high


def _partition(value: object, types: Types) -> Mapping[str, tuple[object, ...]]:
    """Values or bins with their weights, as Great Expectations' partition objects have them."""
    (kind,) = types
    if isinstance(value, Mapping) and "values" in value:
        parts = _mapping(value, ("values", "weights"), ())
        values = tuple(fitting(v, kind) for v in _items(parts["values"], "values"))
        weights = _weights(parts["weights"], len(values), "value")
        _check_sum(weights)
        return {"values": values, "weights": weights}
    parts = _mapping(value, ("bins", "weights"), ("tail_weights",))
    if not isinstance(kind, T.NumericType):
        raise Unfit("bins", "values: the column has no numbers", "{values: [...], weights: [...]}")
    bins = tuple(_edge(edge) for edge in _items(parts["bins"], "bins"))
    if any(low >= high for low, high in pairwise(bins)):
        raise Unfit(f"the bins {shown(list(bins))}", "edges of which each is above the one before")
    weights = _weights(parts["weights"], len(bins) - 1, "bin")
    tails = _weights(parts["tail_weights"], 2, "tail") if "tail_weights" in parts else ()
    if tails and not all(math.isfinite(edge) for edge in (bins[0], bins[-1])):
        raise Unfit("tail_weights beside an infinite bin", "either of them")
    _check_sum((*weights, *tails))
    return {"bins": bins, "weights": weights, **({"tail_weights": tails} if tails else {})}


def _edge(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise Unfit(shown(value), "numbers as bins")
    return float(value)


def _weights(value: object, expected: int, what: str) -> tuple[float, ...]:
    weights = tuple(_magnitude(weight, ()) for weight in _items(value, "weights"))
    if len(weights) != expected:
        raise Unfit(f"{len(weights)} weights", f"{expected}: one for each {what}")
    return weights


def _check_sum(weights: tuple[float, ...]) -> None:
    if abs(sum(weights) - 1) > _CLOSE:
        raise Unfit(f"weights that add up to {sum(weights):g}", "weights that add up to 1")


def _mapping(value: object, required: Collection[str], optional: Collection[str]) -> Mapping[str, object]:
    known = (*required, *optional)
    expected = f"a mapping of {', '.join(known)}"
    if not isinstance(value, Mapping) or not set(required) <= set(value):
        raise Unfit(shown(value), expected)
    if others := set(value) - set(known):
        raise Unfit(f"also {', '.join(sorted(map(str, others)))}", expected)
    return {str(name): part for name, part in value.items()}


def _relative_error(value: object, types: Types) -> float:
    return float(value) if isinstance(value, bool) else float(_share(value, types))


def _share(value: object, types: Types) -> float:
    share = MOSTLY.read(value, types)
    assert isinstance(share, float)
    return share


def _duration(value: object, types: Types) -> str:
    if isinstance(value, str) and _DURATION.fullmatch(value):
        return value
    raise Unfit(shown(value), "a duration like '36 hours', in minutes, hours, days or weeks")


def duration(text: str) -> timedelta:
    """A duration as it stands in a suite.

    >>> duration("36 hours")
    datetime.timedelta(days=1, seconds=43200)
    """
    parts = _DURATION.fullmatch(text)
    assert parts is not None
    return timedelta(seconds=int(parts[1]) * _UNITS[parts[2]])


def _told_by(value: object, types: Types) -> str:
    (kind,) = types
    word = _one_of("values", "quantiles")(value, types)
    if word == "quantiles" and not isinstance(kind, T.NumericType):
        raise Unfit("'quantiles'", f"'values', as the column is {kind.simpleString()}")
    assert isinstance(word, str)
    return word


COUNT = Argument(_count)
DOUBLE = Argument(_double)
FACTOR = Argument(_magnitude)
INDEX = Argument(_whole)
METHOD = Argument(_one_of("iqr", "std"))
NATURAL = Argument(_natural)
NUMBER = Argument(THE_NUMBER.read, typed=True)
RELATIVE_ERROR = Argument(_relative_error)
SHARE = Argument(_share)
THE_COUNT = Argument(_count, required=True)
THE_DOUBLE = Argument(_double, required=True)
THE_DURATION = Argument(_duration, required=True)
THE_FLAG = Argument(FLAG.read, required=True)
THE_PARTITION = Argument(_partition, required=True, typed=True)
THE_QUANTILES = Argument(_quantile_ranges, required=True)
THE_QUERY = Argument(_query, required=True)
THE_TYPE = Argument(_type_name, required=True)
THE_TYPES = Argument(_type_names, required=True)
TOLD_BY = Argument(_told_by, required=True, typed=True)

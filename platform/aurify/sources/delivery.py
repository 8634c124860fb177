"""Which delivery a row is from: the n-th version of a file that was taken in under its path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aurify.config.names import quoted
from aurify.publish.literals import literal_rows
from aurify.sources.listing import file_uri
from aurify.sources.scan import DELIVERED_AT, DELIVERY, MALFORMED, SOURCE_FILE, SOURCE_ROW, URI

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PATH, _NUMBER, _DELIVERED_MS = "_aurify_path", "_aurify_number", "_aurify_ms"
_NAMES = {URI: "string", _PATH: "string", _NUMBER: "int", _DELIVERED_MS: "bigint"}
# A URI of these characters only is written by Spark as it is; the others are asked of Spark.
_PLAIN = re.compile(r"[A-Za-z0-9_\-.,:=+@~/]*")


@dataclass(frozen=True)
class Delivery:
    """One version of one file: the `delivery`-th that was taken in under this path, and its time."""

    path: str
    delivery: int
    delivered_ms: int


def with_delivery(rows: DataFrame, root: Path | str, deliveries: Sequence[Delivery]) -> DataFrame:
    """Add `_source_file`, `_delivery`, `_delivered_at`; a row of a file that is none of these stops the read."""
    from pyspark.sql import functions as F

    if len(deliveries) == 1:
        (only,) = deliveries
        path, number, delivered_ms = F.lit(only.path), F.lit(only.delivery), F.lit(only.delivered_ms).cast("bigint")
    else:
        rows = rows.join(F.broadcast(_names(rows, root, deliveries)), on=URI, how="left")
        unknown = F.raise_error(F.concat(F.lit("a row of a file that was not asked for: "), F.col(URI)))
        path, number, delivered_ms = F.coalesce(_PATH, unknown), F.col(_NUMBER), F.col(_DELIVERED_MS)
    return rows.select(
        *(quoted(name) for name in rows.columns if name not in (*_NAMES, SOURCE_ROW, MALFORMED)),
        path.alias(SOURCE_FILE),
        SOURCE_ROW,
        number.alias(DELIVERY),
        F.timestamp_millis(delivered_ms).alias(DELIVERED_AT),
        *(name for name in rows.columns if name == MALFORMED),
    )


def _names(rows: DataFrame, root: Path | str, deliveries: Sequence[Delivery]) -> DataFrame:
    """One row a delivery, by the URI that Spark gives for its file."""
    asked = {file_uri(root, delivery.path): delivery for delivery in deliveries}
    encoded = {uri: uri for uri in asked}
    if not all(map(_PLAIN.fullmatch, asked)):
        encoded = {unquote(uri): uri for uri in rows.inputFiles()}
    said = [(encoded[uri], d.path, d.delivery, d.delivered_ms) for uri, d in asked.items()]
    named = [dict(zip(_NAMES, values, strict=True)) for values in said]
    return literal_rows(rows.sparkSession, named, ", ".join(f"{name} {kind}" for name, kind in _NAMES.items()))

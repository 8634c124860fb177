"""What a path or URI says of the file system it belongs to."""

from __future__ import annotations

import re

S3_SCHEMES = ("s3", "s3a")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


def scheme_of(path: str) -> str:
    """The scheme in small letters; `file` for a plain path."""
    found = _SCHEME.match(path)
    return found[1].lower() if found else "file"


def is_local(path: str) -> bool:
    """Whether the path is of the local file system."""
    return scheme_of(path) == "file"


def is_on_s3(path: str) -> bool:
    """Whether the path is a URI of S3; both of its schemes name the same files."""
    return scheme_of(path) in S3_SCHEMES


def authority_of(path: str) -> str:
    """`scheme://host` of a URI, which names the store that its files lie in."""
    scheme, _, rest = path.partition(":")
    return f"{scheme}://{rest[2:].partition('/')[0] if rest.startswith('//') else ''}"


def inside(path: str) -> str:
    """The part of a URI after the host, as the store itself names the file; characters stand in it as they are."""
    rest = path.partition(":")[2]
    return "/" + (rest[2:].partition("/")[2] if rest.startswith("//") else rest.lstrip("/"))

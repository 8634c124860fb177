"""One layer of an image, made once a machine from what its key names."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from aurify.deploy.artifact import Step, whole
from aurify.session.machine_cache import cache_root, held

# Raised when the same content is written as other bytes.
FORMAT = 1
# Of a gigabyte of Python: 25 s at 1, 50 s at 6, for a tenth less.
LEVEL = 1
GZIPPED = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Layer:
    """A packed tar in the machine's cache; `diff_id` is the hash of it unpacked, `digest` that of its bytes."""

    path: Path
    digest: str
    diff_id: str
    size: int
    made_from: str
    media_type: str = GZIPPED

    @property
    def descriptor(self) -> dict[str, object]:
        """What a manifest says of it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


def digest_of(content: bytes) -> str:
    """The hash that a registry knows a content by."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(name: str, made_from: Sequence[str], write: Callable[[tarfile.TarFile], None]) -> tuple[Layer, Step]:
    """The layer of this name for what it is made from, written by `write` if this machine has none yet."""

    def write_stream(stream: BinaryIO) -> None:
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as archive:
            write(archive)

    return raw_layer(name, made_from, write_stream)


def raw_layer(name: str, made_from: Sequence[str], write: Callable[[BinaryIO], None]) -> tuple[Layer, Step]:
    """The same, for one that writes the bytes of a tar itself."""
    started = time.perf_counter()
    key = hashlib.sha256(json.dumps([FORMAT, LEVEL, name, *made_from]).encode()).hexdigest()[:16]
    path = cache_root() / "image" / f"{name}-{key}.tar.gz"
    record = path.with_name(f"{name}-{key}.json")
    built = False
    with held(path, "cache of image layers", "set AURIFY_CACHE to a folder you may write to"):
        found = _found(path, record)
        if found is None:
            found, built = _written(path, record, ", ".join(made_from), write), True
    return found, Step(f"image: {name}", found.size, built, time.perf_counter() - started)


def _found(path: Path, record: Path) -> Layer | None:
    """The layer as it was recorded; None where it is not there whole."""
    try:
        known = json.loads(record.read_text())
        return Layer(path, **known) if path.stat().st_size == known["size"] else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _written(path: Path, record: Path, made_from: str, write: Callable[[BinaryIO], None]) -> Layer:
    with whole(path) as aside:
        with aside.open("wb") as raw:
            packed = _Hashing(raw)
            with gzip.GzipFile("", "wb", LEVEL, packed, mtime=0) as compressed:
                unpacked = _Hashing(compressed)
                write(unpacked)  # type: ignore[arg-type]
        made = Layer(path, packed.digest, unpacked.digest, aside.stat().st_size, made_from)
    with whole(record) as aside:
        aside.write_text(json.dumps({key: value for key, value in asdict(made).items() if key != "path"}, indent=2))
    return made


class _Hashing:
    """A file to write to that knows the hash of what went through it."""

    def __init__(self, under: BinaryIO | gzip.GzipFile) -> None:
        self._under, self._sum = under, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self._sum.update(content)
        return self._under.write(content)

    def flush(self) -> None:
        self._under.flush()

    @property
    def digest(self) -> str:
        return f"sha256:{self._sum.hexdigest()}"

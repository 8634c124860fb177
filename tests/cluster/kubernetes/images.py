"""Images of one program, pushed to a registry."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request

from tests.cluster.rest import opened

OCI = "application/vnd.oci.image"
MANIFEST, CONFIG, LAYER = f"{OCI}.manifest.v1+json", f"{OCI}.config.v1+json", f"{OCI}.layer.v1.tar"


def push_program(registry: str, image: str, program: Path) -> None:
    """Push an image, `name:tag`, whose only file is a program that needs no other, and which starts it."""
    name, tag = image.split(":")
    layer = _layer(program)
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _push(registry, name, json.dumps(config).encode(), CONFIG),
        "layers": [_push(registry, name, layer, LAYER)],
    }
    _ask("PUT", f"http://{registry}/v2/{name}/manifests/{tag}", json.dumps(manifest).encode(), MANIFEST)


def _layer(program: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(program.name)
        entry.size, entry.mode = program.stat().st_size, 0o755
        with program.open("rb") as content:
            archive.addfile(entry, content)
    return packed.getvalue()


def _push(registry: str, name: str, content: bytes, kind: str) -> Mapping[str, Any]:
    """Push a blob, and tell how a manifest names it."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    place = _ask("POST", f"http://{registry}/v2/{name}/blobs/uploads/")
    place += f"{'&' if urlsplit(place).query else '?'}digest={digest}"
    _ask("PUT", place, content, "application/octet-stream")
    return {"mediaType": kind, "digest": digest, "size": len(content)}


def _ask(method: str, url: str, content: bytes = b"", kind: str = "") -> str:
    """Where the answer says that it goes on."""
    headers = {"Content-Type": kind} if kind else {}
    with opened(Request(url, content, headers, method=method)) as answer:
        return str(answer.headers.get("Location", ""))

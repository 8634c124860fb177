"""A registry of images, by the protocol of the Open Container Initiative: what is there is not sent again."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aurify.deploy.artifact import Step, whole
from aurify.deploy.image.layer import GZIPPED, Layer, digest_of
from aurify.errors import EnvironmentFailure
from aurify.session.machine_cache import cache_root, file_sha256, held

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
# Above this a blob is sent in parts, so that it is never in memory whole.
IN_ONE_MB = 16
PLATFORM = {"os": "linux", "architecture": "amd64"}


class Registry:
    """One repository. Credentials are those of `docker login` (~/.docker/config.json, or DOCKER_CONFIG).

    EnvironmentFailure where it does not answer, or refuses.
    """

    def __init__(self, reference: str, *, is_plain_http: bool = False) -> None:
        try:
            import oras.container
            import oras.provider
        except ImportError as error:
            hint = "pip install 'aurify[k8s]'"
            raise EnvironmentFailure.of(reference, "no package oras", "the client of registries", hint) from error
        self.reference = reference
        self._container = oras.container.Container(reference)
        self._client = oras.provider.Registry(hostname=self._container.registry, insecure=is_plain_http)
        self._client.auth.load_configs(self._container)
        self._sent: dict[str, int] = {}

    def answers(self) -> str:
        """The registry's address, where it lets us look at the repository."""
        with self._telling():
            self._send("GET", self._container.tags_url(1), expected=(200, 404))
        return str(self._container.registry)

    def push(self, layers: Sequence[Layer], config: bytes, manifest: bytes) -> dict[str, int]:
        """Bring an image there, and tell what had to be sent, in bytes."""
        with self._telling():
            for one in layers:
                self._push_blob(one.path, one.digest, one.size, one.path.name)
            with _file_of(config) as file:
                self._push_blob(file, digest_of(config), len(config), "config")
            self._push_manifest(manifest)
        return self._sent

    def pulled(self) -> tuple[tuple[Layer, ...], tuple[Step, ...], dict[str, str]]:
        """The layers of the image for Linux on x86-64, in the machine's cache, and its environment."""
        with self._telling():
            manifest = self._manifest(self.reference)
            config = json.loads(self._client.get_blob(self._container, manifest["config"]["digest"]).content)
            found = list(zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True))
            made = [self._pulled_layer(one, diff_id) for one, diff_id in found]
        env = dict(word.split("=", 1) for word in config.get("config", {}).get("Env") or [])
        return tuple(one for one, _ in made), tuple(step for _, step in made), env

    def _manifest(self, reference: str) -> Mapping[str, Any]:
        kinds = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX]
        found: dict[str, Any] = self._client.get_manifest(reference, allowed_media_type=kinds)
        if "manifests" not in found:
            return found
        fitting = [m["digest"] for m in found["manifests"] if PLATFORM.items() <= m.get("platform", {}).items()]
        if not fitting:
            raise EnvironmentFailure.of(reference, "no image for Linux on x86-64", "one of that platform")
        return self._manifest(f"{self._container.registry}/{self._container.api_prefix}@{fitting[0]}")

    def _pulled_layer(self, descriptor: Mapping[str, Any], diff_id: str) -> tuple[Layer, Step]:
        started, digest, size = time.perf_counter(), str(descriptor["digest"]), int(descriptor["size"])
        path = cache_root() / "image" / f"pulled-{digest.partition(':')[2][:32]}"
        kind = str(descriptor["mediaType"]).replace("application/vnd.docker.image.rootfs.diff.tar.gzip", GZIPPED)
        with held(path, "cache of image layers", "set AURIFY_CACHE to a folder you may write to"):
            is_new = not path.is_file() or path.stat().st_size != size
            if is_new:
                with whole(path) as aside:
                    self._client.download_blob(self._container, digest, str(aside))
                    if f"sha256:{file_sha256(aside)}" != digest:
                        raise EnvironmentFailure.of(self.reference, f"{digest}: other bytes came", "its layer whole")
        made = Layer(path, digest, diff_id, size, self.reference, kind)
        return made, Step(f"image: {self.reference}", size, is_new, time.perf_counter() - started)

    def _push_blob(self, file: Path, digest: str, size: int, name: str) -> None:
        described = {"digest": digest, "size": size}
        if self._client.blob_exists(described, self._container):
            return
        in_parts = size > IN_ONE_MB << 20
        answer = self._client.upload_blob(str(file), self._container, described, do_chunked=in_parts)
        self._refuse(answer, (200, 201, 202))
        self._sent[name] = size

    def _push_manifest(self, manifest: bytes) -> None:
        digest = digest_of(manifest)
        place = self._container.manifest_url(digest)
        if self._send("HEAD", place, headers={"Accept": MANIFEST}, expected=(200, 404)).status_code == 200:
            return
        self._send("PUT", place, manifest, {"Content-Type": MANIFEST}, expected=(200, 201))
        self._sent["manifest"] = len(manifest)

    def _send(
        self, method: str, place: str, data: bytes | None = None, headers: dict[str, str] | None = None, *,
        expected: tuple[int, ...],
    ) -> Any:  # fmt: skip
        answer = self._client.do_request(f"{self._client.prefix}://{place}", method, data=data, headers=headers)
        return self._refuse(answer, expected)

    def _refuse(self, answer: Any, expected: tuple[int, ...]) -> Any:
        if answer.status_code not in expected:
            said = f"{answer.status_code} {answer.reason} {answer.text[:200]}".strip()
            raise EnvironmentFailure.of(f"registry {self._container.registry}", said, "an image taken", _HINT)
        return answer

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What goes wrong on the way is told as the registry's."""
        import requests

        try:
            yield
        except (requests.RequestException, ValueError, KeyError) as error:
            what = f"registry {self._container.registry}"
            raise EnvironmentFailure.of(what, f"{type(error).__name__}: {error}", "one that answers", _HINT) from error


_HINT = "package.image.repository in conf/<environment>/settings.yml; `docker login`, or DOCKER_CONFIG, for a password"


@contextmanager
def _file_of(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "config")
        file.write_bytes(content)
        yield file

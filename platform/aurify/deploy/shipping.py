"""Files go to the cluster once: each lies under the hash of its content, and what is there is not sent again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from aurify.deploy.artifact import Artifact
from aurify.errors import EnvironmentFailure
from aurify.storage import Storage

KEPT_OF_HASH = 16


@dataclass
class Shipment:
    """Where files of the package lie in a folder that the cluster reads, and what had to be sent, in bytes by name."""

    storage: Storage
    folder: str
    sent: dict[str, int] = field(default_factory=dict)

    def uri(self, artifact: Artifact) -> str:
        """Where the cluster finds the file; nothing is sent."""
        return quote(self._place(artifact), safe="/:")

    def _place(self, artifact: Artifact) -> str:
        return f"{self.folder}/{artifact.sha256[:KEPT_OF_HASH]}/{artifact.name}"

    def send(self, artifacts: Iterable[Artifact]) -> None:
        """Bring the files there that are not; a half one never stands under its name."""
        for artifact in artifacts:
            place = self._place(artifact)
            try:
                if self.storage.exists(place):
                    continue
                self.storage.upload(artifact.path, place)
            except OSError as error:
                hint = "name a folder that you may write to: submit.files in conf/<environment>/settings.yml"
                expected = f"{artifact.name} ({artifact.size:,} bytes) written there"
                raise EnvironmentFailure.of(self.folder, str(error), expected, hint) from error
            self.sent[artifact.name] = artifact.size

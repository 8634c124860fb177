"""A registered version as a file that others score by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aurify.models.onnx_export import CHECKED_ROWS, onnx_of
from aurify.models.onnx_file import FINGERPRINT, MODEL, VERSION
from aurify.models.registry import CHAMPION

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


@dataclass(frozen=True)
class Exported:
    """What was written: `difference` is the largest of a score to the version's own, on `rows` that were drawn."""

    model: str
    version: int
    fingerprint: str
    file: str
    bytes: int
    inputs: dict[str, str]
    difference: float
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": 0, **asdict(self)}


def export_onnx(lake: Lake, model: str, of: int | str = CHAMPION, *, file: str) -> Exported:
    """Write a version as ONNX, once its scores are those of the version; ConfigurationError where it has no such form.

    The file is whole or not there.
    """
    lake.model(model)
    version = lake.registry.version(model, of)
    fitted = lake.registry.load(version)
    about = {MODEL: model, VERSION: str(version.number), FINGERPRINT: fitted.fingerprint}
    made, difference = onnx_of(fitted, about)
    lake.storage.write(file, made.content)
    return Exported(
        model=model,
        version=version.number,
        fingerprint=fitted.fingerprint,
        file=file,
        bytes=len(made.content),
        inputs=made.inputs,
        difference=difference,
        rows=CHECKED_ROWS,
    )

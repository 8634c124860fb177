"""What a cluster is handed: the package of a project, each part made only when what it is made from has changed."""

from aurify.deploy.artifact import Artifact, Step
from aurify.deploy.package import Package, build_package

__all__ = ["Artifact", "Package", "Step", "build_package"]

"""The kinds of cluster that work is submitted to: what each is shipped, told, and asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from aurify.deploy import Package, Step
from aurify.deploy.following import Applications
from aurify.deploy.image.image import Image
from aurify.deploy.image.registry import Registry
from aurify.deploy.k8s.api import Api, is_kubernetes, namespace_of
from aurify.deploy.k8s.cluster import Kubernetes
from aurify.deploy.k8s.manifests import cron_job, spark_application
from aurify.deploy.k8s.submission import kubernetes_submission
from aurify.deploy.program import Program
from aurify.deploy.shipping import Shipment
from aurify.deploy.spark_submit import SparkSubmit
from aurify.deploy.submission import How, ended_record
from aurify.deploy.yarn import Yarn
from aurify.deploy.yarn_submission import shipped, yarn_submission
from aurify.errors import ConfigurationError
from aurify.storage import is_local
from aurify.workflows.lake import Lake
from aurify.workflows.package import image_of

Told = Callable[[Step], None]


class Backend(Protocol):
    """One cluster, and the files of a lake on it."""

    def ship(self, made: Package) -> Mapping[str, int]:
        """Bring there what is not, and give the bytes that were sent, by name."""

    def line(self, made: Package, how: How, program: Program) -> SparkSubmit:
        """The submission of a program; nothing is sent for it."""

    def applications(self) -> Applications:
        """The applications of it."""


class OnYarn(Backend):
    """Files lie on the storage that the cluster reads."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.shipment = Shipment(lake.storage, files_folder(lake))

    def ship(self, made: Package) -> Mapping[str, int]:
        self.shipment.send(shipped(made))
        return self.shipment.sent

    def line(self, made: Package, how: How, program: Program) -> SparkSubmit:
        return yarn_submission(self.lake.settings, how, made, program, self.shipment)

    def applications(self) -> Applications:
        return Yarn(recorded_by(self.lake))


class OnKubernetes(Backend):
    """Files are layers of an image in a registry."""

    def __init__(self, lake: Lake, told: Told, conf: Mapping[str, str]) -> None:
        self.lake, self.told, self.conf = lake, told, conf
        self._image: Image | None = None

    def ship(self, made: Package) -> Mapping[str, int]:
        image, settings = self.image(made), self.lake.settings.package.image
        registry = Registry(repository_of(self.lake), is_plain_http=settings.plain_http)
        return registry.push(image.layers, image.config, image.manifest)

    def line(self, made: Package, how: How, program: Program) -> SparkSubmit:
        folder = files_folder(self.lake)
        return kubernetes_submission(self.lake.settings, how, self.name(made), made, program, folder)

    def applications(self) -> Applications:
        namespace = namespace_of({**self.lake.settings.spark.conf, **self.conf})
        return Kubernetes(Api(self.lake.settings.spark.master), namespace, recorded_by(self.lake))

    def manifest(self, made: Package, how: How, program: Program, schedule: str | None) -> dict[str, Any]:
        """What `kubectl apply` makes run once, by the Spark operator, or on a schedule, as a CronJob."""
        settings, folder, name = self.lake.settings, files_folder(self.lake), self.name(made)
        if schedule is not None:
            return cron_job(settings, how, name, made, program, folder, schedule)
        return spark_application(settings, how, name, made, program, folder)

    def name(self, made: Package) -> str:
        """What the image of a package is pulled by: its hash, so that it is this one whatever is pushed later."""
        return f"{repository_of(self.lake)}@{self.image(made).digest}"

    def image(self, made: Package) -> Image:
        """The image of a package, built once."""
        if self._image is None:
            self._image = image_of(self.lake, made, self.told)
        return self._image


def backend_of(
    lake: Lake, told: Told = lambda _: None, conf: Mapping[str, str] = MappingProxyType({})
) -> OnYarn | OnKubernetes:
    """The cluster of the environment; ConfigurationError where it has none that is spoken to."""
    master = lake.settings.spark.master
    if is_kubernetes(master):
        return OnKubernetes(lake, told, conf)
    if master != "yarn":
        hint = "name an environment with a cluster: --env yarn, or --env k8s"
        where = f"environment '{lake.settings.env}'"
        raise ConfigurationError.of(where, f"spark.master {master}", "yarn, or k8s://ADDRESS", hint)
    return OnYarn(lake)


def repository_of(lake: Lake) -> str:
    """Where images are pushed to; ConfigurationError where nothing says."""
    found = lake.settings.package.image.repository
    if found is None:
        hint = f"name it in conf/{lake.settings.env}/settings.yml, like registry.example/team/aurify"
        raise ConfigurationError.of("settings: package.image.repository", "none", "a repository of images", hint)
    return found


def recorded_by(lake: Lake) -> Callable[[str], int | None]:
    """What tells the exit code that a submission wrote down, by its tag."""
    folder, storage = files_folder(lake), lake.storage

    def recorded(tag: str) -> int | None:
        found = storage.read(ended_record(folder, tag))
        return None if found is None else int(found)

    return recorded


def files_folder(lake: Lake) -> str:
    """Where the files of a submission lie: of submit.files, else below the warehouse."""
    settings = lake.settings
    folder = settings.submit.files or f"{settings.warehouse}/_submitted"
    if is_local(folder):
        key, found = "submit.files" if settings.submit.files else "warehouse", f"{folder}, a path of this machine"
        hint = f"name one in conf/{settings.env}/settings.yml"
        raise ConfigurationError.of(f"settings: {key}", found, "a URI that all machines of the cluster read", hint)
    return folder

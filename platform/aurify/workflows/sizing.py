"""How much work waits for a submission, and the executors that are proposed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurify.deploy.k8s.api import Api, Refused, is_kubernetes, namespace_of
from aurify.deploy.k8s.cluster import Kubernetes
from aurify.deploy.k8s.submission import PYTHON_SHARE
from aurify.deploy.memory import OVERHEAD_SHARE, driver_container
from aurify.deploy.preflight.yarn_checks import limits_of
from aurify.deploy.program import TRAINING, command_of
from aurify.deploy.sizing import Node, Sizing, proposed
from aurify.deploy.yarn import Yarn
from aurify.errors import EnvironmentFailure
from aurify.publish.batch_log import VersionRange
from aurify.publish.delta_log import commits
from aurify.publish.target import Handle
from aurify.scoring.table import name_of
from aurify.sources import list_files
from aurify.tables.inputs import folder_options
from aurify.tables.pending import is_known, newest_version
from aurify.tables.spec import TableSpec
from aurify.workflows.lake import Lake, selected

# Compressed files are unpacked as they are read.
UNZIPPED = 5


def sized(lake: Lake, words: Sequence[str], conf: Mapping[str, str], mode: str) -> Sizing:
    """Executors for what the words would do now; the settings of it are those of Spark."""
    trains = command_of(words) in TRAINING
    if is_kubernetes(lake.settings.spark.master):
        nodes, share = _nodes(lake, conf), PYTHON_SHARE
        largest = max(node.memory_mb for node in nodes)
    else:
        yarn, share = Yarn(), OVERHEAD_SHARE
        nodes = yarn.nodes()
        largest = min(limits_of(yarn, conf).values(), default=0) or max(node.memory_mb for node in nodes)
    driver = driver_container(conf, mode, share).total_mb
    return proposed(waiting_bytes(lake, words), nodes, largest, driver, trains=trains, share=share)


def _nodes(lake: Lake, conf: Mapping[str, str]) -> list[Node]:
    try:
        return Kubernetes(Api(lake.settings.spark.master), namespace_of(conf)).nodes()
    except Refused as error:
        hint = "leave --size out, or ask for a cluster role that lists nodes"
        raise EnvironmentFailure.of("Kubernetes", error.said, "to be allowed to list nodes", hint) from error


def waiting_bytes(lake: Lake, words: Sequence[str]) -> int:
    """The bytes that the words would read: the largest that any table of them does, as one follows the other."""
    work, named = command_of(words), [word for word in words[1:] if not word.startswith("-")]
    if work == "train":
        return sum(_whole(lake, table) for name in named[:1] for table in _learned_from(lake, name))
    if work == "score":
        named = [name_of(lake.model(name)) for name in named[:1]]
    elif work != "refresh":
        return 0
    found: dict[str, int] = {}
    for name in selected(lake, named, scores=work == "score"):
        found[name] = _waiting(lake, lake.spec(name), found)
    return max(found.values(), default=0)


def _learned_from(lake: Lake, model: str) -> list[str]:
    data = lake.model(model).data
    return [data.labels, *data.views]


def _whole(lake: Lake, table: str) -> int:
    handle = Handle.open(lake.target(table).path)
    return sum(file.size for file in handle.live_files()) if handle else 0


def _waiting(lake: Lake, spec: TableSpec, before: Mapping[str, int]) -> int:
    """What a table has not taken in yet, with what the tables before it are going to give."""
    consumed = lake.state(spec.name).consumed
    if spec.folder is not None:
        files = list_files(f"{lake.settings.source_root}/{spec.folder.path}", folder_options(spec.folder))
        new = (file for file in files if not is_known(consumed.files.get(file.path), file))
        return sum(file.size * (UNZIPPED if file.path.endswith(".gz") else 1) for file in new)
    return sum(
        before.get(driver.table, 0) + _unread(lake, driver.table, consumed.versions.get(name))
        for name, driver in spec.drivers.items()
    )


def _unread(lake: Lake, table: str, last: VersionRange | None) -> int:
    newest = newest_version(lake.target(table))
    if newest is None:
        return 0
    if last is None or last.table_id != newest.table_id or last.generation != newest.generation:
        return _whole(lake, table)
    try:
        return sum(file.size for c in commits(lake.target(table).path, last.to, newest.to) for file in c.adds)
    except LookupError:  # the log has lost a commit: a refresh says so
        return _whole(lake, table)

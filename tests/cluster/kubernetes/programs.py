"""The cluster's own programs: built once a machine from their modules, or installed by the system's packager.

`python -m tests.cluster.kubernetes.programs` builds them ahead of the tests: the first time it takes some minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from aurify.errors import EnvironmentFailure
from aurify.session.machine_cache import cache_root, held
from tests.cluster.go import Go
from tests.cluster.go_programs import STRIPPED, built

SOURCES = Path(__file__).with_name("programs")
MODULES = ("kube", "coredns", "registry", "pod")
KUBE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
VERSION = "k8s.io/component-base/version"

# Where programs of the system lie, also for those whose PATH has no such folder.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CNI = Path("/usr/lib/cni")
PACKAGES = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    str(CNI / "bridge"): "containernetworking-plugins",
    "nft": "nftables",
    "ip": "iproute2",
    "unshare": "util-linux",
}


def built_programs() -> Path:
    """The folder of Kubernetes, CoreDNS, the registry and what pods of tests run."""
    return built("kubernetes", SOURCES, _build, f"{KUBE} {_named()}")


def _build(go: Go, into: Path) -> None:
    for module in MODULES:
        go.build(SOURCES / module, into / module, f"{STRIPPED} {_named() if module == 'kube' else ''}")
    for name in KUBE:
        (into / name).symlink_to("kube")


def _named() -> str:
    """The version that Kubernetes' programs call themselves: it is written into them as they are linked."""
    found = re.search(r"\bk8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)", (SOURCES / "kube/go.mod").read_text())
    assert found is not None
    names = dict(zip(("gitVersion", "gitMajor", "gitMinor"), found.groups(), strict=True))
    return " ".join(f"-X {VERSION}.{name}={value}" for name, value in names.items())


def install_packages() -> None:
    """Have the system's packager install what is missing; EnvironmentFailure where it can't."""
    packages = _missing()
    if not packages:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise _not_there(packages, "only root on a system with apt-get gets it installed")
    with held(cache_root() / "kubernetes" / "apt-get", "apt-get", "set AURIFY_CACHE to another folder"):
        told = _apt_get("install", *packages)
        if told:  # its lists may be old, or not there
            _apt_get("update")
            told = _apt_get("install", *packages)
    if _missing():
        raise _not_there(_missing(), told)


def _missing() -> list[str]:
    return [package for program, package in PACKAGES.items() if shutil.which(program, path=SYSTEM_PATH) is None]


def _apt_get(verb: str, *packages: str) -> str:
    """What it says of a failure."""
    options = ("--yes", "--quiet", "--no-install-recommends")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": SYSTEM_PATH}
    ran = subprocess.run(["apt-get", verb, *options, *packages], env=env, capture_output=True, text=True, check=False)
    return ran.stderr if ran.returncode else ""


def _not_there(packages: list[str], found: str) -> EnvironmentFailure:
    names = " ".join(packages)
    hint = f"install by hand: apt-get install --no-install-recommends {names}"
    return EnvironmentFailure.of("programs of Kubernetes", f"no {names}: {found}", "etcd, containerd and others", hint)


if __name__ == "__main__":
    built_programs()

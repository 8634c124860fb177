"""kubectl, as somebody who has a kubeconfig."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from aurify.errors import EnvironmentFailure

ANSWERS_WITHIN_S = 120


@dataclass(frozen=True)
class Kubectl:
    """A command that asks the API server."""

    program: Path
    kubeconfig: Path

    def __call__(self, *words: str, given: str = "") -> str:
        """What it prints, given some input; EnvironmentFailure with what it says of a failure."""
        ran = subprocess.run(
            [str(self.program), *words],
            env={**os.environ, **kubectl_env(self.kubeconfig)},
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWERS_WITHIN_S,
        )
        if ran.returncode:
            raise EnvironmentFailure.of(f"kubectl {' '.join(words)}", ran.stderr.strip(), "an end with 0")
        return ran.stdout


def kubectl_env(kubeconfig: Path) -> dict[str, str]:
    """What kubectl needs in its environment; what it remembers of a cluster lies beside, not in the user's home."""
    return {"KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(kubeconfig.with_name("remembered"))}

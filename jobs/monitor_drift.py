"""Monitor a model under plain spark-submit: `spark-submit jobs/monitor_drift.py --env yarn card_fraud`."""

from __future__ import annotations

import argparse
import sys

import aurify
from aurify.cli.job import add_project, exit_code_of


def main() -> int:
    """Monitor; exits 0 done, also with alerts, 2 the configuration is wrong, 3 the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model of the project, like card_fraud")
    add_project(parser)
    parser.add_argument("--version", default="champion", help="the version or alias whose batches are looked at")
    asked = parser.parse_args()
    return exit_code_of(lambda: aurify.connect(asked.env, asked.project).monitor(asked.model, asked.version))


if __name__ == "__main__":
    sys.exit(main())

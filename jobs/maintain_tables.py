"""Compact and vacuum tables under plain spark-submit: `spark-submit jobs/maintain_tables.py --env yarn silver.*`."""

from __future__ import annotations

import argparse
import sys

import aurify
from aurify.cli.job import add_project, exit_code_of


def main() -> int:
    """Maintain the selection; exits 0 done, 2 the configuration is wrong, 3 the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("selection", nargs="*", help="tables, like silver.*; all if none is named")
    parser.add_argument("--retain-hours", type=int, default=168, help="how long versions stay readable; a week")
    add_project(parser)
    asked = parser.parse_args()
    return exit_code_of(
        lambda: aurify.connect(asked.env, asked.project).maintain(*asked.selection, retain_hours=asked.retain_hours)
    )


if __name__ == "__main__":
    sys.exit(main())

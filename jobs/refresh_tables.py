"""Refresh tables under plain spark-submit: `spark-submit jobs/refresh_tables.py --env yarn gold.*`."""

from __future__ import annotations

import argparse
import sys

import aurify
from aurify.cli.job import add_project, exit_code_of


def main() -> int:
    """Refresh the selection; exits 0 done, 1 the data failed, 2 the configuration is wrong, 3 the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("selection", nargs="*", help="tables, like silver.* or +gold.daily_sales; all if none is named")
    add_project(parser)
    parser.add_argument("--full", action="store_true", help="rebuild from all input there is")
    asked = parser.parse_args()
    return exit_code_of(lambda: aurify.connect(asked.env, asked.project).refresh(*asked.selection, full=asked.full))


if __name__ == "__main__":
    sys.exit(main())

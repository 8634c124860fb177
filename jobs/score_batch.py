"""Score a model's new rows under plain spark-submit: `spark-submit jobs/score_batch.py --env yarn card_fraud`."""

from __future__ import annotations

import argparse
import sys

import aurify
from aurify.cli.job import add_project, exit_code_of


def main() -> int:
    """Score; exits 0 done, 1 the rows failed, 2 the configuration is wrong, 3 the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model of the project, like card_fraud")
    add_project(parser)
    parser.add_argument("--version", help="score all that this version or alias has not scored")
    parser.add_argument("--backfill", action="store_true", help="score all that the champion has not scored")
    parser.add_argument("--shadow", help="a version or alias that scores the same rows, and decides nothing")
    asked = parser.parse_args()
    how = {"version": asked.version, "backfill": asked.backfill, "shadow": asked.shadow}
    return exit_code_of(lambda: aurify.connect(asked.env, asked.project).score(asked.model, **how))


if __name__ == "__main__":
    sys.exit(main())

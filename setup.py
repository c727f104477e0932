"""The wheel: `jobs`, `transforms` and `conf` at its root, as Glue and EMR unpack it."""

from setuptools import find_packages, setup

setup(
    name="vpc-flow-trace",
    version="0.1.0",
    description="Trace one EC2 instance through VPC Flow Logs in one Spark job",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["jobs*", "transforms*", "conf*"]),
    package_data={
        "conf": ["prices.json", "opensearch/*.json"],
        "jobs.output": ["templates/*"],
    },
    # What it needs is in requirements/: with install_requires Glue's pip would fetch Spark.
)

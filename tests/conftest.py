"""What all tests share: the plugins with their fixtures, and markers that apply by themselves."""

import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.support.spark",
    "tests.support.services",
    "tests.support.cases",
    "tests.support.browser",
]

# A JVM that a test launches lives for seconds: its second compiler takes more than it gives back.
# Without it the JVM keeps a fifth of its room for compiled code, which one case on S3 can fill.
os.environ["SPARK_SUBMIT_OPTS"] = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"

# A law is true or not; how long an example takes on a busy machine says nothing.
settings.register_profile("lawful", deadline=None)
settings.load_profile("lawful")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in tests/integration, and everything that needs a JVM.

    The longest file goes first: with two processes nothing else is left to do beside it at the end.
    """
    items.sort(key=lambda item: item.path.name != "test_scenarios.py")
    for item in items:
        assert isinstance(item, pytest.Function)
        if "integration" in item.path.parts:
            item.add_marker("integration")
        if "spark" in item.fixturenames or item.get_closest_marker("launched"):
            item.add_marker("spark")

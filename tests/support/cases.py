"""Cases that are traced once for the whole suite. Tests read them; who must write takes a copy."""

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from jobs.trace_instance import main
from tests.support.paths import DATA
from tests.support.services import DemoDay


class TracedCase(NamedTuple):
    """A case that a run completed: the flags of the run, its folder, and what the run printed."""

    flags: list[str]
    folder: Path
    printed: str

    @property
    def case_id(self) -> str:
        """Its id, which is in the names of its index and its alias as well."""
        return self.folder.name


def trace(flags: Sequence[str], folder: Path) -> TracedCase:
    """Run the job in this process; it must end well."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main(flags)
    assert code == 0, printed.getvalue()
    return TracedCase(list(flags), folder, printed.getvalue())


@pytest.fixture(scope="session")
def traced_day(
    spark: SparkSession,
    demo_day: DemoDay,
    opensearch_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> TracedCase:
    """The demo day of the suspect, in Delta and in the index `flows-demo-day`."""
    output = tmp_path_factory.mktemp("cases")
    flags = [*demo_day.flags(output, "demo-day"), "--opensearch_url", opensearch_url]
    flags += ["--verbose", "true"]
    return trace(flags, output / "demo-day")


def sample_flags(output: Path) -> list[str]:
    """Flags of a run over the two published records of tests/data."""
    return [
        *("--flow_logs", str(DATA / "samples"), "--labels", str(DATA / "labels")),
        *("--instance_id", "i-0c50d5961bcb2d47b", "--case_id", "sample", "--output", str(output)),
        *("--from", "2021-03-26T00:00:00Z", "--to", "2021-03-27T00:00:00Z"),
    ]


@pytest.fixture(scope="session")
def traced_sample(
    spark: SparkSession, opensearch_url: str, tmp_path_factory: pytest.TempPathFactory
) -> TracedCase:
    """The two published records, in Delta and in the index `flows-sample`."""
    output = tmp_path_factory.mktemp("sample")
    flags = [*sample_flags(output), "--opensearch_url", opensearch_url]
    return trace(flags, output / "sample")

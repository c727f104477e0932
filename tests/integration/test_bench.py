"""The comparison of scanners, small: what it fails on is a difference, never a ratio."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import differing
from tests.support.paths import ROOT

pytestmark = pytest.mark.launched


def test_every_tool_finds_the_same_lines_and_the_ratio_to_inflating_is_printed(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-m", "bench.scan", "--megabytes", "20", "--rounds", "1"]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=900,
        env={"SPARK_LOCAL_IP": "127.0.0.1", "PATH": "/usr/bin:/bin", **_java()},
    )  # fmt: skip

    assert run.returncode == 0, run.stdout + run.stderr[-2000:]
    for tool in ("ours, two processes", "ours, in Spark", "igzip, then grep", "Spark, text reader"):
        assert re.search(rf"^\| {tool} \| [\d.]+ .*\| -?[\d.]+ \|$", run.stdout, re.M), tool


def _java() -> dict[str, str]:
    return {name: os.environ[name] for name in ("JAVA_HOME", "HOME") if name in os.environ}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"a": [(2, 5)], "b": [(2, 5), (2, 5)]}, []),
        ({"a": [(2, 5)], "b": [(2, 5), (1, 5)]}, ["b: found (1, 5), expected (2, 5)"]),
    ],
)
def test_a_tool_that_finds_something_else_in_any_round_is_named(
    found: dict[str, list[object]], said: list[str]
) -> None:
    assert differing(found) == said

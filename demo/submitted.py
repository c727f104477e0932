"""A job of this checkout by spark-submit, as the README has it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BINARIES = Path(sys.executable).parent


def command(job: str, flags: Sequence[str]) -> Sequence[str]:
    """The words that start it with the laptop's configuration, from the root of the checkout."""
    return [str(_BINARIES / "spark-submit"), "--properties-file", "conf/local.conf", job, *flags]


def environment() -> Mapping[str, str]:
    """In which spark-submit finds this Python's pyspark, as it takes the first python3 there is."""
    return {**os.environ, "PATH": f"{_BINARIES}{os.pathsep}{os.environ['PATH']}"}


def submit(job: str, flags: Sequence[str]) -> int:
    """Run it; returns its exit code."""
    return subprocess.run(command(job, flags), cwd=ROOT, env=environment(), check=False).returncode

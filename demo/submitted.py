"""A job of this checkout by spark-submit, as the README has it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def submit(job: str, flags: Sequence[str]) -> int:
    """Run it with the laptop's configuration; returns its exit code."""
    binaries = Path(sys.executable).parent
    # spark-submit looks for pyspark with the python3 that is first on the path.
    path = f"{binaries}{os.pathsep}{os.environ['PATH']}"
    command = [str(binaries / "spark-submit"), "--properties-file", "conf/local.conf", job, *flags]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False
    ).returncode

"""Errors are on the error stream of the command that a person types, spark-submit included."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT


@pytest.mark.launched
def test_spark_submit_tells_a_wrong_flag_on_its_error_stream() -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    spark_submit = Path(sys.executable).parent / "spark-submit"

    done = subprocess.run(
        [spark_submit, "--properties-file", "conf/local.conf", "jobs/trace_instance.py",
         "--case_id", "web-3", "--case_idd", "Zürich"],
        cwd=ROOT, env=environment, capture_output=True, timeout=900,
    )  # fmt: skip

    errors = done.stderr.decode()
    assert done.returncode == 2, errors
    assert done.stdout == b""
    assert "error: unknown flag --case_idd" in errors
    assert "error: --output is missing" in errors
    assert "Traceback" not in errors
    assert "\tat org.apache" not in errors

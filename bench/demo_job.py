"""The job on the demo day by `spark-submit`, and the seconds by phase that it prints."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo import submitted

ROOT = submitted.ROOT


def command(day: Path, cases: Path, *further: str) -> Sequence[str]:
    """The words that start the job with the flags of conf/local.args; what comes later wins."""
    flags = [
        "@conf/local.args", "--flow_logs", f"{day}/flow-logs", "--labels", f"{day}/labels",
        "--finding", f"{day}/finding.json", "--output", str(cases), *further,
    ]  # fmt: skip
    return submitted.command("jobs/trace_instance.py", flags)


def environment() -> Mapping[str, str]:
    """In which spark-submit finds this Python and its pyspark."""
    return {**submitted.environment(), "PYSPARK_PYTHON": sys.executable}


def until_verdict(words: Sequence[str]) -> float:
    """Seconds from a command to the verdict, which is logged before books, report and manifest."""
    began = time.perf_counter()
    verdict: float | None = None
    with subprocess.Popen(
        words, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        for line in process.stderr or ():
            if verdict is None and line.startswith("verdict "):
                verdict = time.perf_counter() - began
    assert process.returncode == 0, words
    assert verdict is not None, words
    return verdict


def phases_in(printed: str) -> dict[str, float]:
    """Seconds by phase, from what the job prints when it ends."""
    line = next(line for line in printed.splitlines() if line.startswith("Seconds "))
    found = re.findall(r"([A-Za-z0-9 ()]+?) ([\d.]+)(?:,|$)", line.removeprefix("Seconds "))
    return {name.strip(): float(seconds) for name, seconds in found}

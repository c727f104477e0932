"""A person's wait: seconds from the command to the verdict on the demo day, in a fresh JVM.

Each round is one `spark-submit` of the job with the flags of conf/local.args, and one of
`bench.bare_job` with the same conf. The verdict is logged before books, report and manifest, which
take until the end. Memory is the largest sum that was seen
of the driver, and of all Python workers together, once a second: looking takes processor time too.
`python -m bench.cold_start [--rounds 3]`; target: to the verdict 1.5 times the bare job.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.demo_job import ROOT, command, environment, phases_in
from bench.harness import Spread, report, spread
from demo import submitted
from demo.generate import generate

_TARGET = 1.5  # times the bare job
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Run(NamedTuple):
    """Seconds in all, until the verdict and by phase, and peaks of memory in octets."""

    seconds: float
    verdict: float
    phases: dict[str, float]
    driver: int
    workers: int


def main(argv: Sequence[str]) -> int:
    """1 when the target is missed, or the job fails."""
    parser = argparse.ArgumentParser(prog="bench.cold_start", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="bench-cold-") as folder:
        day = Path(folder)
        generate(day)
        runs, bare = [], []
        for number in range(given.rounds):
            runs.append(_run(day, number))
            bare.append(_bare(day, number))
    phases = {name: spread([run.phases[name] for run in runs]) for name in runs[0].phases}
    total = spread([run.seconds for run in runs])
    known = sum(each.median for name, each in phases.items() if not name.endswith("(concurrent)"))
    rest = Spread(*(max(0.0, total.median - known) for _ in range(3)))
    rows: list[list[object]] = [[name, each] for name, each in phases.items()]
    verdict = spread([run.verdict for run in runs])
    rows += [["Python, spark-submit, end", f"{rest.median:.2f}"]]
    rows += [["from command to the verdict", verdict], ["from command to end", total]]
    alone = spread(bare)
    rows += [["a bare job, from command to end", alone]]
    times = verdict.median / alone.median
    rows += [["from command to the verdict, times the bare job", f"{times:.2f}"]]
    for name, octets in (("driver", max(run.driver for run in runs)),
                         ("Python workers", max(run.workers for run in runs))):  # fmt: skip
        rows.append([f"peak memory, {name}, MB", f"{octets / 10**6:,.0f}"])
    report("cold_start", ["demo day, fresh JVM", "s"], rows)
    print(f"target: at most {_TARGET} times the bare job")
    return int(times > _TARGET)


def _bare(day: Path, number: int) -> float:
    """Seconds of the bare job, for the subject that the job has."""
    finding = json.loads((day / "finding.json").read_text())
    subject = finding["detail"]["resource"]["instanceDetails"]
    (interface,) = subject["networkInterfaces"]
    needles = [
        subject["instanceId"], interface["networkInterfaceId"], interface["privateIpAddress"],
    ]  # fmt: skip
    words = [f"{day}/flow-logs", f"{day}/bare-{number}", *needles]
    began = time.perf_counter()
    done = subprocess.run(
        submitted.command("bench/bare_job.py", words),
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert re.search(r"^lines [1-9]\d*$", done.stdout, re.MULTILINE), done.stdout
    return time.perf_counter() - began


def _run(folder: Path, number: int) -> Run:
    began = time.perf_counter()
    verdict, printed = 0.0, ""
    with tempfile.NamedTemporaryFile("r") as output:
        with open(output.name, "w") as written:  # what is logged too: the verdict is
            process = subprocess.Popen(
                command(folder, folder / f"cases-{number}"),
                cwd=ROOT,
                env=environment(),
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        driver = workers = 0
        looked = began
        while process.poll() is None:
            time.sleep(0.1)
            printed += output.read()
            if not verdict and "\nverdict " in printed:
                verdict = time.perf_counter() - began
            if time.perf_counter() - looked < 1:
                continue
            looked = time.perf_counter()
            now = {"java": 0, "python": 0}
            for name, octets in _children(process.pid):
                now[name] = now.get(name, 0) + octets
            driver, workers = max(driver, now["java"]), max(workers, now["python"])
        seconds = time.perf_counter() - began
        printed += output.read()
    if process.returncode:
        raise SystemExit(f"the job ended with {process.returncode}")
    return Run(seconds, verdict or seconds, phases_in(printed), driver, workers)


def _children(parent: int) -> Iterator[tuple[str, int]]:
    """Kind and resident octets of the process and of what it started, as Linux tells them."""
    parents: dict[int, int] = {}
    facts: dict[int, tuple[str, int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name, rest = (entry / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            parents[int(entry.name)] = int(rest.split()[1])
            pages = int((entry / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue  # it has ended meanwhile
        facts[int(entry.name)] = ("java" if name == "java" else "python", pages * _PAGE)
    for process in facts:
        at = process
        while at in parents and at != parent:
            at = parents[at]
        if at == parent:
            yield facts[process]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

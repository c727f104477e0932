"""What it costs to follow a path: readings, octets and seconds, for --max_hops 1 to 4.

Each row is one `spark-submit` of the job on the demo day, without OpenSearch. A reading of the path
opens the objects of the window once more, whatever it follows; "of the path" is the time of these
readings and of judging what they found.
`python -m bench.path [--rounds 1]`
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.demo_job import ROOT, command, environment, phases_in
from bench.harness import report, spread
from demo.generate import generate

_HOPS = (1, 2, 3, 4)


class Run(NamedTuple):
    """Seconds in all and of the path, its further readings, their octets, and its steps."""

    seconds: float
    path_s: float
    readings: int
    octets: int
    steps: int


def main(argv: Sequence[str]) -> int:
    """Print a Markdown table; fails where the job does."""
    parser = argparse.ArgumentParser(prog="bench.path", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args(argv)
    runs: dict[int, list[Run]] = {hops: [] for hops in _HOPS}
    with tempfile.TemporaryDirectory(prefix="bench-path-") as folder:
        generate(Path(folder))
        for turn in range(given.rounds):
            for hops in _HOPS:
                runs[hops].append(_run(Path(folder), hops, turn))
    rows = [
        [
            hops, of[0].readings, f"{of[0].octets / 1e6:.1f}", of[0].steps,
            spread([run.path_s for run in of]), spread([run.seconds for run in of]),
        ]
        for hops, of in runs.items()
    ]  # fmt: skip
    report(
        "path",
        ["--max_hops", "further readings", "MB read by them", "steps found", "of the path, s",
         "command to end, s"],
        rows,
    )  # fmt: skip
    return 0


def _run(folder: Path, hops: int, turn: int) -> Run:
    cases = folder / f"cases-{hops}-{turn}"
    words = command(folder, cases, "--case_id", "path", "--max_hops", str(hops))
    began = time.perf_counter()
    done = subprocess.run(
        words, cwd=ROOT, env=environment(), check=False, text=True, capture_output=True
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(f"the job ended with {done.returncode}: {done.stderr[-2000:]}")
    phases = phases_in(done.stdout)
    manifest = json.loads((cases / "path" / "manifest.json").read_text())
    further = manifest["further_readings"]
    return Run(
        seconds,
        sum(of for name, of in phases.items() if name.startswith("path ")),
        len(further),
        sum(reading["books"]["bytes_read"] for reading in further.values()),
        manifest["tables"]["path"]["rows"],
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

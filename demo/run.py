"""`make run`: the demo day, a real OpenSearch, and the job on both, by spark-submit."""

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from demo.generate import generate
from demo.opensearch_node import opensearch_node

ROOT = Path(__file__).resolve().parent.parent
DAY = ROOT / "out/demo"


def main() -> int:
    """Generate, start, trace, count, stop; returns the job's exit code."""
    truth = generate(DAY)
    print(f"The demo day: {truth.objects:,} objects with {truth.lines:,} lines in out/demo")
    with _node(os.environ.get("OPENSEARCH_URL")) as url:
        print(
            f"OpenSearch is up at {url}; now the job, with the flags of conf/local.args", flush=True
        )
        code = _submit(url)
        if code == 0:
            print(
                f"\nAsked again from outside: {_count(url):,} documents under the alias flows-demo"
            )
            print("What really happened that day is in out/demo/truth.json")
    return code


def _node(running: str | None) -> AbstractContextManager[str]:
    return nullcontext(running) if running else opensearch_node()


def _submit(url: str) -> int:
    command = [
        str(Path(sys.executable).parent / "spark-submit"),
        "--properties-file",
        "conf/local.conf",
        "jobs/trace_instance.py",
        "@conf/local.args",
        "--opensearch_url",
        url,
    ]
    # spark-submit looks for pyspark with the python3 that is first on the path.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False
    ).returncode


def _count(url: str) -> int:
    with urllib.request.urlopen(f"{url}/flows-demo/_count", timeout=10) as answer:
        return int(json.load(answer)["count"])


if __name__ == "__main__":
    sys.exit(main())

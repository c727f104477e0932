"""What every comparison shares: alternating rounds, medians with their spread, slopes, results."""

import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")

_RESULTS = Path(__file__).resolve().parent.parent / "out" / "bench"
_PACKAGES = (
    "pyspark", "pyarrow", "obstore", "isal", "hyperscan", "numpy", "opensearch-py", "boto3",
    "polars", "duckdb",
)  # fmt: skip


class Spread(NamedTuple):
    """Seconds of several rounds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}-{self.most:.2f})"


def in_turn(
    tools: Mapping[str, Callable[[], T]], rounds: int
) -> tuple[dict[str, Spread], dict[str, list[T]]]:
    """Seconds and results of every tool: one after the other in each round, so that a slow moment
    of the machine meets them all. A first round, which warms caches, is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in tools}
    results: dict[str, list[T]] = {name: [] for name in tools}
    for turn in range(rounds + 1):
        for name, run in tools.items():
            began = time.perf_counter()
            results[name].append(run())
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return {name: spread(each) for name, each in seconds.items()}, results


def spread(seconds: Sequence[float]) -> Spread:
    """Median, least and most."""
    return Spread(statistics.median(seconds), min(seconds), max(seconds))


def differing(results: Mapping[str, Sequence[object]]) -> list[str]:
    """Sentences about tools whose results are not those of the first tool."""
    expected = next(iter(results.values()))[0]
    return [
        f"{name}: found {found}, expected {expected}"
        for name, each in results.items()
        for found in sorted(set(map(str, each)))
        if found != str(expected)
    ]


def report(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table, and keep it as JSON with machine and versions in out/bench."""
    rows = [list(row) for row in rows]
    print("| " + " | ".join(columns) + " |")
    print("|---" + "|--:" * (len(columns) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
    _RESULTS.mkdir(parents=True, exist_ok=True)
    content = {
        "bench": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
        "columns": list(columns),
        "rows": [[str(cell) for cell in row] for row in rows],
    }
    (_RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")


def machine() -> dict[str, object]:
    """Cores, memory and what else was running: a figure says little without them."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "gib": round(pages / 2**30, 1),
        "processor": platform.machine(),
        "load_before": os.getloadavg()[0],
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that are compared."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found

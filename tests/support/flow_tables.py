"""Small flow logs, and the flow tables that ingest_flows makes of them."""

import gzip
import io
from contextlib import redirect_stdout
from pathlib import Path

from jobs import ingest_flows
from jobs.errors import ExitCode

MONTH = ["--from", "2026-11-01T00:00:00Z", "--to", "2026-12-01T00:00:00Z"]
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
)
START = 1_795_435_200  # 2026-11-23 12:00:00 UTC


def ingest(logs: Path, table: Path, *more: str, expected: ExitCode = ExitCode.COMPLETE) -> str:
    """Fill the table; what the job printed."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = ingest_flows.main(
            ["--flow_logs", str(logs), "--flow_table", str(table), *MONTH, *more]
        )
    assert code == expected, printed.getvalue()
    return printed.getvalue()


def write(folder: Path, minute: int, *records: str, day: int = 23) -> Path:
    """An object of these records, or lines, in the five minutes from then on."""
    folder.mkdir(exist_ok=True)
    stamp = f"202611{day:02}T12{minute:02}Z"
    path = folder / f"111122223333_vpcflowlogs_eu-west-1_fl-0aaaaaaa_{stamp}_0a.log.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *records, ""]).encode()))
    return path


def record(source: str, target: str, eni: str = "eni-0aaaaaaa", **differs: int) -> str:
    """A flow record; a test states only what differs from it."""
    start = differs.get("start", START)
    return f"2 111122223333 {eni} {source} {target} 40000 22 6 3 180 {start} {start + 50} ACCEPT OK"

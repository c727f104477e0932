"""Two instances and what they do, for a watch: records, labels, and the run that tells."""

import json
from pathlib import Path
from typing import Any

from jobs.errors import ExitCode
from tests.support.flow_tables import START, ingest

Lines = list[dict[str, Any]]
WEB, CALM = "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb"
WEB_AT, CALM_AT, DB_AT = "10.0.0.7", "10.0.0.8", "10.0.0.9"
HOSTILE = "db\x1b[31m\u202e<b>http://evil.example/"
_OWNERS = (
    ("eni-0aaaaaaa", WEB, WEB_AT), ("eni-0bbbbbbb", CALM, CALM_AT),
    ("eni-0ddddddd", "i-0dddddddddddddddd", DB_AT),
)  # fmt: skip


def tried(target: str, minute: int, port: int = 22, day: int = 0) -> str:
    """The web server tries a port, and its own interface stops it."""
    start = START + 86_400 * day + 60 * minute
    ends = f"{WEB_AT} {target} 40000 {port} 6 1 60"
    return f"2 111122223333 eni-0aaaaaaa {ends} {start} {start + 50} REJECT OK"


def calm(minute: int, day: int = 0) -> tuple[str, str]:
    """The calm one asks the database, and is answered."""
    start = START + 86_400 * day + 60 * minute
    eni, times = "2 111122223333 eni-0bbbbbbb", f"{start} {start + 50} ACCEPT OK"
    return (
        f"{eni} {CALM_AT} {DB_AT} 40001 443 6 9 4000 {times}",
        f"{eni} {DB_AT} {CALM_AT} 443 40001 6 9 9000 {times}",
    )


def write_labels(folder: Path) -> Path:
    """A snapshot that knows three instances; the database has a hostile name."""
    folder.mkdir()
    names = {WEB: "web", CALM: "calm", "i-0dddddddddddddddd": HOSTILE}
    instances: list[dict[str, Any]] = [
        {"instance_id": each, "name": name} for each, name in names.items()
    ]
    interfaces: list[dict[str, Any]] = [
        {"interface_id": eni, "instance_id": each, "vpc_id": "vpc-0aaaaaaa", "addresses": [at]}
        for eni, each, at in _OWNERS
    ]
    vpcs: list[dict[str, Any]] = [
        {"vpc_id": "vpc-0aaaaaaa", "name": "shop", "cidrs": ["10.0.0.0/16"]}
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        "instances": instances,
        "interfaces": interfaces,
        "vpcs": vpcs,
    }
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class Watching:
    """A folder with logs, labels, a watch-list and the flow table that is filled from them."""

    def __init__(self, folder: Path, *listed: str) -> None:
        self.logs, self.table = folder / "logs", folder / "table"
        self.logs.mkdir()
        self._list = folder / "watched.txt"
        self.now(*listed)
        self.flags = ["--watch_list", str(self._list), "--labels", str(write_labels(folder / "l"))]

    def now(self, *listed: str) -> None:
        """Watch these from now on."""
        self._list.write_text("# whom we watch\n" + "".join(f"{each}\n" for each in listed))

    def run(self, expected: ExitCode = ExitCode.COMPLETE) -> tuple[Lines, str]:
        """Ingest and watch; the lines of JSON, and everything that was printed."""
        printed = ingest(self.logs, self.table, *self.flags, expected=expected)
        lines = [line for line in printed.splitlines() if line.startswith("{")]
        assert all(line.isascii() and line.isprintable() for line in lines)
        return [json.loads(line) for line in lines], printed

    def notice(self) -> dict[str, Any]:
        """The notice as it lies now."""
        found: dict[str, Any] = json.loads((self.table / "notice.json").read_text())
        return found

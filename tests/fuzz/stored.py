"""Stored manifests as a fuzz target: a whole case whose manifest is right but for one place."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from jobs.errors import BadInput
from jobs.evidence.check import Check
from jobs.evidence.check_chain import check_chain
from jobs.evidence.check_files import check_named_files, check_tables
from jobs.evidence.open_case import case_at
from jobs.evidence.stored_case import StoredCase
from jobs.submit.outcome import outcome_of
from jobs.submit.runs import RunStatus
from jobs.verify_case import render
from tests.fuzz.altered import altered
from tests.support.made_case import CASE, make_run

# What `submit` shows of a run, beside what `verify_case` checks.
_TOLD = {
    "started_at": "2026-11-28T00:00:01+00:00",
    "exit_status": 0,
    "verdict": {"step": "DATA", "sentence": "Yes: 1 address tried."},
    "coverage": {"verdict": "FULL", "figures": {"seen": 12, "slots": 12}, "reasons": ["none"]},
    "identities": [{"what": "lines", "left": 1, "right": 1, "holds": True}],
    "warnings": ["a warning"],
}
_STATUS = RunStatus("SUCCEEDED", True, True, datetime(2026, 11, 28, tzinfo=UTC))


def seeds() -> Iterator[bytes]:
    """Each place of the manifest with a value that does not belong there."""
    for place in range(0, 200, 5):
        for instead in (b"", b"[]", b"7", b"../../x", b'{"a": "\\u001b[2J\\u202e"}', b"null"):
            yield bytes([0, place]) + instead
    yield b"\xff{}"
    yield b"\xff" + b"[" * 3_000


def check(folder: Path, data: bytes) -> None:
    """Verifying and reporting end with lines that may be shown, and write nothing elsewhere."""
    case = folder / CASE
    if not case.exists():
        make_run(case, 0, **_TOLD)
        (case / "right.json").write_bytes((case / "manifest.json").read_bytes())
    right = json.loads((case / "right.json").read_bytes())
    is_raw = not data or data[0] > 200
    (case / "manifest.json").write_bytes(data[1:] if is_raw else altered(right, data[1:]))
    outcome = outcome_of(str(case), _STATUS, str(folder / "copies"))
    for line in [*_verified(str(case)), *outcome.lines, outcome.error or ""]:
        assert line.isprintable(), ascii(line)
    assert {path.name for path in folder.iterdir()} <= {CASE, "copies"}


def _verified(case_uri: str) -> list[str]:
    try:
        case = case_at(case_uri)
    except BadInput as bad:
        return list(bad.problems)
    return list(render(case, _checks(case_uri, case)))


def _checks(case_uri: str, case: StoredCase) -> list[Check]:
    return [
        check_chain(case_uri, case, None),
        check_tables(case_uri, case, 1),
        check_named_files(case_uri, case),
    ]

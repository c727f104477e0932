"""What a responder wants to see of a run that is over, from the manifest that it wrote."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from jobs.errors import BadInput, ExitCode
from jobs.evidence import stored_fields as fields
from jobs.evidence.manifest_file import read_manifest
from jobs.storage.object_store import first_line
from jobs.storage.whole_objects import StorageFailed, read_bytes, reason_of
from jobs.submit.runs import RunStatus
from transforms.text import sanitise
from transforms.vocabulary import Step

_LONGEST_EXIT_CODE = 255


class RunOutcome(NamedTuple):
    """Lines to print, what went wrong as a sentence, and the exit code."""

    lines: list[str]
    error: str | None
    exit_code: int


class _Run(NamedTuple):
    """A run as its manifest tells it: every field checked, every line fit to be shown."""

    run_id: str
    started_at: datetime
    exit_status: int
    lines: tuple[str, ...]
    report_sha256: str | None


def outcome_of(case_uri: str, status: RunStatus, report_folder: str) -> RunOutcome:
    """The outcome of this run, whose manifest was begun after the platform took the run."""
    uri = f"{case_uri}/manifest.json"
    try:
        stored = read_manifest(uri)
    except (BadInput, StorageFailed) as error:
        return _failed(f"{uri}: {reason_of(error)}; check s3:GetObject there")
    except ValueError as error:
        return _failed(f"{uri}: {first_line(error)}; verify the case")
    try:
        run = _run_of(stored.content) if stored else None
    except ValueError as error:
        return _failed(f"{uri}: {sanitise(error, 1000)}; verify the case")
    if run is None or run.started_at < status.began_at.replace(microsecond=0):
        held = f"still holds run {run.run_id}" if run else "holds no complete run"
        return _failed(f"the run left no manifest: {case_uri} {held}; read the logs, run again")
    lines = [*run.lines]
    if run.report_sha256 is not None:
        lines += _report(case_uri, run.run_id, run.report_sha256, report_folder)
    code = run.exit_status
    return RunOutcome(lines, None, code if code or status.is_good else ExitCode.FAILED)


def _failed(sentence: str) -> RunOutcome:
    return RunOutcome([], sentence, ExitCode.FAILED)


def _run_of(content: Mapping[str, Any]) -> _Run:
    """What is shown of a manifest; raises ValueError with everything that is wrong with it."""
    collector = fields.Collector()
    read = collector.read
    run_id = read(lambda: fields.run_id(content.get("run_id"), "run_id"))
    started_at = read(lambda: fields.moment(content.get("started_at"), "started_at"))
    exit_status = read(lambda: _exit_status(content))
    parts = [
        read(lambda: list(_verdict(content))),
        read(lambda: list(_coverage(content))),
        read(lambda: list(_case(content))),
        read(lambda: list(_books(content))),
        read(lambda: list(_warnings(content))),
    ]
    sha256 = read(lambda: _report_sha256(content))
    collector.raise_if_any()
    return _Run(
        run_id, started_at, exit_status, tuple(line for part in parts for line in part), sha256
    )


def _exit_status(content: Mapping[str, Any]) -> int:
    status = fields.number(content.get("exit_status"), "exit_status")
    if status > _LONGEST_EXIT_CODE:
        raise ValueError("exit_status: expected an exit code")
    return status


def _report_sha256(content: Mapping[str, Any]) -> str | None:
    report = content.get("report")
    return None if report is None else fields.sha256(fields.mapping(report, "report"), "report")


def _verdict(content: Mapping[str, Any]) -> Iterator[str]:
    if (found := content.get("verdict")) is None:
        return
    verdict = fields.mapping(found, "verdict")
    step = fields.text(verdict.get("step"), "verdict.step")
    if step not in list(Step):
        raise ValueError("verdict.step: expected a step of the ladder of verdicts")
    yield f"{step}: {sanitise(fields.text(verdict.get('sentence'), 'verdict.sentence'), 1000)}"


def _case(content: Mapping[str, Any]) -> Iterator[str]:
    case_id = fields.case_id(content.get("case_id"))
    run_id = fields.run_id(content.get("run_id"), "run_id")
    flows = fields.number(fields.mapping(content.get("books"), "books").get("flows"), "books.flows")
    yield f"Case        {case_id}, run {run_id}, {flows:,} flows"


def _books(content: Mapping[str, Any]) -> Iterator[str]:
    broken = list(_broken(content, ""))
    further = fields.mapping(content.get("further_readings", {}), "further_readings")
    for reading, of in further.items():
        name = sanitise(reading, 40)
        broken += [f"{name}: {what}" for what in _broken(of, f"further_readings.{name}.")]
    yield f"Books       {'NOT BALANCED' if broken else 'balanced'}"
    yield from (f"  BAD {what}" for what in broken)


def _warnings(content: Mapping[str, Any]) -> Iterator[str]:
    for warning in fields.sequence(content.get("warnings"), "warnings"):
        yield f"  warning   {sanitise(warning, 400)}"


def _coverage(content: Mapping[str, Any]) -> Iterator[str]:
    if (found := content.get("coverage")) is None:
        return
    coverage = fields.mapping(found, "coverage")
    figures = fields.mapping(coverage.get("figures"), "coverage.figures")
    seen, slots = (
        fields.number(figures.get(name), f"coverage.figures.{name}") for name in ("seen", "slots")
    )
    verdict = sanitise(fields.text(coverage.get("verdict"), "coverage.verdict"), 20)
    counted = "" if verdict == "NONE" else f": {seen:,} of {slots:,} five-minute slots seen whole"
    yield f"Coverage    {verdict}{counted}"
    for reason in fields.sequence(coverage.get("reasons"), "coverage.reasons"):
        yield f"  - {sanitise(reason, 400)}"


def _broken(content: object, where: str) -> Iterator[str]:
    """What the run itself says does not balance."""
    of = fields.mapping(content, where.rstrip(".") or "the manifest")
    for item in fields.sequence(of.get("identities"), f"{where}identities"):
        identity = fields.mapping(item, f"{where}identities")
        if not fields.truth(identity.get("holds"), f"{where}identities.holds"):
            yield sanitise(fields.text(identity.get("what"), f"{where}identities.what"), 400)


def _report(case_uri: str, run_id: str, sha256: str, folder: str) -> Iterator[str]:
    """A copy of the report, once its bytes are those that the manifest names.

    Where it is and what the copy is called follow from the case that was asked for and from the
    run's id, which is checked: no path comes from the manifest, which others may have written.
    """
    case_id = case_uri.rstrip("/").rsplit("/", 1)[-1]
    uri = f"{case_uri}/reports/{run_id}.html"
    yield f"Report      {uri}"
    try:
        text = read_bytes(uri)
    except StorageFailed as error:
        yield f"            no copy: {error.reason}"
        return
    if hashlib.sha256(text).hexdigest() != sha256:
        yield "            no copy: found other bytes than the manifest names; verify the case"
        return
    copy = Path(folder) / f"{case_id}-{run_id}.html"
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(text)
    except OSError as error:
        yield f"            no copy: {copy} cannot be written: {error.strerror}"
        return
    yield f"            a copy is in {copy}"

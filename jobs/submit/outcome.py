"""What a responder wants to see of a run that is over, from the manifest that it wrote."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import obstore
from obstore.exceptions import BaseError

from jobs.cli import argument_values as values
from jobs.errors import BadInput
from jobs.evidence.manifest import read_manifest
from jobs.storage.object_store import first_line, open_store, place_of
from jobs.submit.runs import Seen
from transforms.text import sanitise

FAILED = 1


class Outcome(NamedTuple):
    """Lines to print, and the exit code."""

    lines: list[str]
    exit_code: int


def outcome_of(case_uri: str, seen: Seen, report_folder: str) -> Outcome:
    """The manifest of this run: the one that was begun after the platform took it."""
    uri = f"{case_uri}/manifest.json"
    try:
        stored = read_manifest(uri)
    except (BadInput, ValueError, BaseError, OSError) as error:
        return Outcome([f"error: {uri}: {first_line(error)}; check s3:GetObject there"], FAILED)
    said: Mapping[str, Any] = stored.content if stored else {}
    try:
        if stored is not None:
            values.run_id(stored.run_id)  # it names the copy of the report
    except ValueError as error:
        return Outcome([f"error: {uri}: run_id: {error}; verify the case"], FAILED)
    if not said or datetime.fromisoformat(said["started_at"]) < seen.began_at.replace(
        microsecond=0
    ):
        held = f"still holds run {said['run_id']}" if said else "holds no complete run"
        return Outcome(
            [f"error: the run left no manifest: {case_uri} {held}; read the logs, then run again"],
            FAILED,
        )
    lines = [*_summary(said)]
    if report := said.get("report"):
        lines += _report(case_uri, said, report, report_folder)
    status = int(said["exit_status"])
    return Outcome(lines, status if status or seen.is_good else FAILED)


def _summary(said: Mapping[str, Any]) -> Iterator[str]:
    if verdict := said.get("verdict"):
        yield f"{verdict['step']}: {sanitise(verdict['sentence'], 1000)}"
    if coverage := said.get("coverage"):
        figures = coverage["figures"]
        seen = f"{figures['seen']:,} of {figures['slots']:,} five-minute slots seen whole"
        is_none = coverage["verdict"] == "NONE"
        yield f"Coverage    {coverage['verdict']}{'' if is_none else f': {seen}'}"
        yield from (f"  - {sanitise(reason, 400)}" for reason in coverage["reasons"])
    yield f"Case        {said['case_id']}, run {said['run_id']}, {said['books']['flows']:,} flows"
    broken = [item["what"] for item in said["identities"] if not item["holds"]]
    for reading, of in said.get("further_readings", {}).items():
        broken += [f"{reading}: {item['what']}" for item in of["identities"] if not item["holds"]]
    yield f"Books       {'NOT BALANCED' if broken else 'balanced'}"
    yield from (f"  BAD {what}" for what in broken)
    yield from (f"  warning   {sanitise(warning, 400)}" for warning in said["warnings"])


def _report(
    case_uri: str, said: Mapping[str, Any], report: Mapping[str, Any], folder: str
) -> Iterator[str]:
    """A copy of the report, once its bytes are those that the manifest names.

    Where it is and what the copy is called follow from the case that was asked for and from the
    run's id, which is checked: no path comes from the manifest, which others may have written.
    """
    case_id, run_id = case_uri.rstrip("/").rsplit("/", 1)[-1], str(said["run_id"])
    uri = f"{case_uri}/reports/{run_id}.html"
    yield f"Report      {uri}"
    place = place_of(uri)
    try:
        text = obstore.get(open_store(place.bucket), place.path).bytes().to_bytes()
    except (BaseError, OSError) as error:
        yield f"            no copy: {first_line(error)}"
        return
    if hashlib.sha256(text).hexdigest() != report["sha256"]:
        yield "            no copy: found other bytes than the manifest names; verify the case"
        return
    copy = Path(folder) / f"{case_id}-{run_id}.html"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(text)
    yield f"            a copy is in {copy}"

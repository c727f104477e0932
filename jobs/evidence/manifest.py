"""What a manifest says: what a run was given, what it read and wrote, and what came before.

`manifest.json` is replaced in one step as the last thing a run does, and never taken away: the run
that it names is complete, and it names the version of every table, so that the same state can be
read while a later run is writing. Earlier ones are kept as `manifests/<run_id>.json`; each names
the one before it by SHA-256.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame, SparkSession

from jobs.evidence.aws_caller import aws_caller
from jobs.evidence.case_lock import CaseLock
from jobs.evidence.manifest_file import Stored, canonical, read_manifest, replace_manifest
from jobs.evidence.notes import described_notes
from jobs.evidence.provenance import code_facts, spark_facts
from jobs.evidence.signature import put_signature, sign, signing_key
from jobs.evidence.tables import describe_tables
from jobs.pipeline.books import Books, described
from jobs.pipeline.case import Case
from jobs.pipeline.result import RunResult
from jobs.sources.labels import label_warnings
from transforms.vocabulary import FURTHER_READINGS, Reading

FORMAT = 2


def complete_case(
    spark: SparkSession,
    lock: CaseLock,
    *,
    result: RunResult,
    inputs_sha256: str,
    report: Mapping[str, object] | None,
    notice: Mapping[str, object],
) -> Mapping[str, object]:
    """Make this run the one that readers of the case see; raises LockLost when it must not.

    `report` and `notice` are what the manifest says of these files. Returns its content.
    A signature is there before the manifest that it is of. Raises SignatureRefused when KMS does
    not sign; then the run before stays the complete one.
    """
    case = result.case
    case_uri = case.arguments.case_uri
    before = read_manifest(f"{case_uri}/manifest.json")
    content = describe_run(
        spark,
        result,
        inputs=inputs_sha256,
        report=report,
        notice=notice,
        warnings=[*_warnings(result.books, lock), *label_warnings(case.labels.conflicts)],
        before=before,
        now=datetime.now(UTC),
    )
    if (key := case.arguments.sign_with) is not None:
        put_signature(case_uri, case.run_id, sign(signing_key(key), canonical(content)))
    lock.check()
    replace_manifest(case_uri, content, before)
    return content


def _warnings(books: Mapping[Reading, Books], lock: CaseLock) -> list[str]:
    warnings = []
    for reading, each in books.items():
        where = f"{reading.folder}: " if reading.folder else ""
        broken = [identity.what for identity in each.identities() if not identity.holds]
        warnings += [f"{where}does not balance: {what}" for what in broken]
        if each.refusals:
            warnings.append(f"{where}{each.refusals} objects, lines or documents are in quarantine")
    if lock.predecessor is not None:
        warnings.append(
            f"run {lock.predecessor.run_id} was taken over: it ended without completing"
        )
    return warnings


def describe_run(
    spark: SparkSession,
    result: RunResult,
    *,
    inputs: str,
    report: Mapping[str, object] | None,
    notice: Mapping[str, object],
    warnings: list[str],
    before: Stored | None,
    now: datetime,
) -> dict[str, object]:
    """The content of this run's manifest."""
    case, arguments = result.case, result.case.arguments
    coverage, indexed = result.coverage, result.indexed
    investigation = result.investigation
    headline = investigation.headline if investigation else None
    return {
        "format": FORMAT,
        "case_id": arguments.case_id,
        "run_id": case.run_id,
        "started_at": _plain(case.started_at),
        "finished_at": _plain(now),
        "exit_status": int(result.exit_code),
        "warnings": warnings,
        "parameters": _plain(arguments),
        "subject": _plain(result.subject),
        "instance_names": dict(case.instance_names),
        "objects_were_read_twice": result.was_scanned_twice,
        **_described_inputs(case),
        "claims": _plain(result.claims),
        "inputs_sha256": inputs,
        **described(result.books[Reading.WINDOW]),
        "further_readings": {
            reading.folder: described(result.books[reading])
            for reading in FURTHER_READINGS
            if reading in result.books
        },
        "story": investigation.story.told() if investigation else None,
        "verdict": {"step": headline.verdict, "sentence": headline.sentence} if headline else None,
        "coverage": coverage.described() if coverage else None,
        "tables": describe_tables(arguments.case_uri, case.run_id),
        "report": dict(report) if report is not None else None,
        "notice": dict(notice),
        "index": indexed.described() if indexed else None,
        "notes": described_notes(arguments.case_uri),
        "operator": aws_caller([*case.prefixes, arguments.output, arguments.labels or ""]),
        "tool": code_facts(),
        "runtime": spark_facts(spark),
        "previous": {"run_id": before.run_id, "sha256": before.sha256} if before else None,
    }


def _described_inputs(case: Case) -> dict[str, object]:
    """What was there to be read: finding, labels, objects."""
    listing = case.listing
    return {
        "finding": _plain(case.finding.described()) if case.finding else None,
        "labels": [
            {"uri": uri, "sha256": sha256} for uri, sha256 in sorted(case.labels.sources.items())
        ],
        "labels_taken_at": _plain(case.labels.taken_at),
        "listing": {
            "prefixes": list(case.prefixes),
            "objects": len(listing.objects),
            "selected": len(listing.selected),
            "skipped": dict(Counter(str(item.skipped) for item in listing.skipped)),
            "left_folders": dict(listing.left_folders),
            "known_until": _plain(listing.known_until),
        },
    }


def inputs_digest(objects: DataFrame) -> str:
    """SHA-256 over a line `uri version sha256` per object that was to be read, in order of the uri.

    Two runs with the same digest read the same bytes. Empty where there is no version or no hash.
    """
    digest = hashlib.sha256()
    rows = (
        objects.where("outcome <> 'skipped'").select("uri", "version_id", "sha256").orderBy("uri")
    )
    for row in rows.toLocalIterator(prefetchPartitions=True):
        line = f"{row['uri']} {row['version_id'] or ''} {row['sha256'] or ''}\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _plain(value: object) -> object:
    """A value as JSON can hold it: named fields by name, times as ISO 8601, spans in seconds."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(item) for name, item in value._asdict().items()}
    if isinstance(value, (tuple, list, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)

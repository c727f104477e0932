"""What of a case still holds: objects, tables, books, index and the chain of its manifests."""

import hashlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import NamedTuple

import obstore
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from jobs.cli import argument_values as values
from jobs.cli.command_line import Parser
from jobs.cli.opensearch_arguments import OPENSEARCH_HELP, OpenSearchTarget, read_target
from jobs.errors import BadInput
from jobs.evidence.manifest import Stored, canonical, earlier_manifest, inputs_digest, read_manifest
from jobs.evidence.object_reread import Stale, WasRead, reread
from jobs.opensearch.client import OpenSearchFailed, endpoint_of, patiently
from jobs.opensearch.index import RunIndex
from jobs.pipeline.books import Books, count_flows, count_objects, count_quarantine
from jobs.spark.session import open_session
from jobs.storage.delta_log import DeltaLog
from jobs.storage.delta_sink import read_table
from jobs.storage.object_store import first_line, open_store, place_of

logger = logging.getLogger(__name__)

HOLDS, BAD_INPUT, DOES_NOT_HOLD = 0, 2, 4
_SHOWN = 20

_FLAGS = {
    "case": "the folder of the case: <output>/<case_id>, a folder or s3://…",
    "reads_in_flight": "objects read at a time (default 32)",
    **OPENSEARCH_HELP,
}


class Finding(NamedTuple):
    """One thing that was checked: what holds, or every place where it does not."""

    holds: str
    problems: Sequence[str] = ()


def main(argv: Sequence[str]) -> int:
    """Check the case: a line for each thing that does not hold, and one for what does."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        case_uri, target, in_flight = _arguments(argv)
        manifest = _manifest_of(case_uri)
    except BadInput as bad:
        for problem in bad.problems:
            print(f"error: {problem}", file=sys.stderr)
        return BAD_INPUT
    spark = open_session(f"verify {manifest.content['case_id']}")
    findings = list(verify(spark, case_uri, manifest, target, in_flight))
    print("\n".join(render(manifest, findings)))
    return DOES_NOT_HOLD if any(finding.problems for finding in findings) else HOLDS


def verify(
    spark: SparkSession,
    case_uri: str,
    manifest: Stored,
    target: OpenSearchTarget | None,
    in_flight: int,
) -> Iterator[Finding]:
    """Every check, the cheap ones first; a check that cannot be made is a problem, not an end."""
    tables = manifest.content["tables"]
    assert isinstance(tables, dict)
    frames: dict[str, DataFrame] = {}
    for name, said in tables.items():
        try:
            frames[name] = read_table(spark, f"{case_uri}/{name}", said["version"])
        except PySparkException:
            logger.info("table=%s version=%s cannot be read", name, said["version"])
    yield check_chain(case_uri, manifest)
    yield _made(lambda: check_tables_named(case_uri, manifest, frames), "tables")
    for reading, said in _readings(manifest):
        of = {name: frames.get(f"{reading}{name}") for name in ("flows", "objects", "quarantine")}
        found = {name: frame for name, frame in of.items() if frame is not None}
        if len(found) < len(of):
            continue  # the check of the tables has said so
        yield _made(partial(check_books, reading, said, found), f"{reading}books")
        yield _made(partial(check_objects, manifest, found["objects"], in_flight), "objects")
    if "objects" in frames:
        yield _made(partial(check_digest, manifest, frames["objects"]), "digest")
    if isinstance(said := manifest.content.get("report"), dict):
        yield check_report(case_uri, said)
    if target is not None:
        yield check_index(manifest, target)


def render(manifest: Stored, findings: Sequence[Finding]) -> Iterator[str]:
    """Problems one a line, then the line that says what holds."""
    case = f"Case {manifest.content['case_id']}, run {manifest.run_id}"
    problems = [problem for finding in findings for problem in finding.problems]
    yield from (f"  BAD  {problem}" for problem in problems[:_SHOWN])
    if len(problems) > _SHOWN:
        yield f"  BAD  … and {len(problems) - _SHOWN:,} more"
    holds = "; ".join(finding.holds for finding in findings if not finding.problems)
    if problems:
        yield f"{case}: {len(problems):,} things do NOT hold; what does: {holds or 'nothing'}"
    else:
        yield f"{case}: everything holds: {holds}; manifest SHA-256 {manifest.sha256}"


def check_chain(case_uri: str, manifest: Stored) -> Finding:
    """The manifest is spelled as it was written, and each one before has the hash it was given."""
    problems = []
    if manifest.text != canonical(manifest.content):
        problems.append("manifest.json: it is not spelled as the job writes it: it was edited")
    runs, at = 1, manifest
    while isinstance(link := at.content.get("previous"), dict):
        uri = earlier_manifest(case_uri, str(link["run_id"]))
        try:
            before = read_manifest(uri)
        except ValueError as error:
            problems.append(f"{uri}: not readable: {first_line(error)}")
            break
        if before is None:
            problems.append(f"{uri}: missing, yet the manifest of {at.run_id} names it")
            break
        if before.sha256 != link["sha256"]:
            problems.append(
                f"{uri}: its SHA-256 is {before.sha256}, the manifest of {at.run_id} says "
                f"{link['sha256']}"
            )
            break
        runs, at = runs + 1, before
    return Finding(f"manifests of {runs:,} {'run' if runs == 1 else 'runs'} linked", problems)


def check_tables_named(case_uri: str, manifest: Stored, frames: dict[str, DataFrame]) -> Finding:
    """The versions that the manifest names are there, were made by its run, and have its rows."""
    problems = []
    tables = manifest.content["tables"]
    assert isinstance(tables, dict)
    for name in sorted({"flows", "objects", "quarantine", *tables}):
        if name not in frames:
            problems.append(f"table {name}: the version that the manifest names cannot be read")
            continue
        said = tables[name]
        by = DeltaLog(f"{case_uri}/{name}").written_by(said["version"]).get("userMetadata")
        if by != manifest.run_id:
            problems.append(f"table {name}: version {said['version']} is of run {by}")
        if (rows := frames[name].count()) != said["rows"]:
            problems.append(f"table {name}: {rows:,} rows, the manifest says {said['rows']:,}")
    versions = ", ".join(f"{name} {said['version']}" for name, said in sorted(tables.items()))
    return Finding(f"Delta has the versions {versions}", problems)


def _readings(manifest: Stored) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The folder of each reading in the case, and its books; the window's is the case's own."""
    said = manifest.content["books"]
    further = manifest.content.get("further_readings", {})
    assert isinstance(said, dict)
    assert isinstance(further, dict)
    yield "", said
    for reading, of in further.items():
        yield f"{reading}/", of["books"]


def check_books(reading: str, said: Mapping[str, int], frames: Mapping[str, DataFrame]) -> Finding:
    """The books counted again from the tables are those of the manifest, and they balance."""
    stored = Books(**said)
    counted = replace(
        stored,
        **count_flows(frames["flows"]),
        **count_objects(frames["objects"]),
        **count_quarantine(frames["quarantine"]),
    )
    problems = [
        f"{reading}books: {name} is {found} in Delta, the manifest says {said[name]}"
        for name, found in asdict(counted).items()
        if found != said[name]
    ]
    problems += [
        f"{reading}books: {identity.what}: {identity.left:,} is not {identity.right:,}"
        for identity in counted.identities()
        if not identity.holds
    ]
    of = f" of {reading.rstrip('/')}" if reading else ""
    return Finding(f"the books{of} balance and equal Delta ({stored.flows:,} flows)", problems)


def check_digest(manifest: Stored, objects: DataFrame) -> Finding:
    """The inputs of the window have the digest that the manifest, and so the next one, names."""
    if (digest := inputs_digest(objects)) == manifest.content["inputs_sha256"]:
        return Finding("the digest of the inputs is the manifest's")
    problem = (
        f"books: the digest of the inputs is {digest} in Delta, the manifest says "
        f"{manifest.content['inputs_sha256']}"
    )
    return Finding("", [problem])


def check_objects(manifest: Stored, objects: DataFrame, in_flight: int) -> Finding:
    """Every object that was read still has the bytes, and the lines, that were read."""
    columns = ("uri", "version_id", "size", "bytes_read", "sha256", "lines", "outcome")
    rows = objects.where("outcome <> 'skipped'").select(*columns).orderBy("uri")
    compared = unread = octets = 0
    problems: list[str] = []

    def was_read() -> Iterator[WasRead]:
        nonlocal unread
        for row in rows.toLocalIterator(prefetchPartitions=True):
            if row["sha256"] is None:
                unread += 1
            else:
                yield WasRead(**row.asDict())

    parameters = manifest.content["parameters"]
    assert isinstance(parameters, dict)
    for item, found in reread(was_read(), in_flight, int(parameters.get("max_ratio", 100))):
        compared += 1
        octets += item.bytes_read
        if isinstance(found, Stale):
            problems.append(f"{item.uri}: {found.reason}")
    said = f"{compared:,} objects are, byte for byte, what was read ({octets:,} bytes)"
    if unread:
        said += f", {unread:,} could not be read then and are not compared"
    return Finding(said, problems)


def check_report(case_uri: str, said: Mapping[str, object]) -> Finding:
    """The report that the manifest names has the bytes that it had."""
    place = place_of(f"{case_uri}/{said['name']}")
    try:
        text = obstore.get(open_store(place.bucket), place.path).bytes().to_bytes()
    except FileNotFoundError:
        return Finding("", [f"{said['name']}: it is not there any more"])
    if (found := hashlib.sha256(text).hexdigest()) != said["sha256"]:
        problem = f"{said['name']}: SHA-256 is {found}, the manifest says {said['sha256']}"
        return Finding("", [problem])
    return Finding("the report has its bytes")


def check_index(manifest: Stored, target: OpenSearchTarget) -> Finding:
    """The index that the manifest names has its documents, and the alias shows it."""
    said = manifest.content["index"]
    if not isinstance(said, dict):
        return Finding("", ["index: the run made none, so there is nothing to compare"])
    endpoint = endpoint_of(target)
    client = endpoint.connect()
    try:
        index = RunIndex(
            client,
            endpoint,
            shape=target.shape,
            case_id=str(manifest.content["case_id"]),
            run_id=manifest.run_id,
        )
        found = index.count(int(said["documents"]))
        shown = sorted(patiently(endpoint, lambda: client.indices.get_alias(name=said["alias"])))
    except OpenSearchFailed as failure:
        return Finding("", [f"index {said['name']}: cannot be counted: {failure}"])
    finally:
        client.close()
    problems = []
    if found != said["documents"]:
        problems.append(
            f"index {said['name']}: {found:,} documents, the manifest says {said['documents']:,}"
        )
    if shown != [said["name"]]:
        problems.append(f"alias {said['alias']}: it shows {', '.join(shown) or 'nothing'}")
    return Finding(f"the index {said['name']} has its {found:,} documents", problems)


def _made(check: Callable[[], Finding], what: str) -> Finding:
    """A check's finding; that it could not be made is one as well."""
    try:
        return check()
    except (PySparkException, Py4JError) as error:
        return Finding("", [f"{what}: Delta cannot be read: {first_line(error)}"])


def _arguments(argv: Iterable[str]) -> tuple[str, OpenSearchTarget | None, int]:
    parser = Parser(
        prog="verify_case",
        description="Say what of a case still holds. @file holds flags.",
        epilog="exit codes: 0 everything holds; 2 wrong arguments, or no case there; 4 something "
        "does not hold",
        flags=_FLAGS,
    )
    flags = parser.read(list(argv))
    case_uri = flags.required("case", values.uri, "").rstrip("/")
    in_flight = flags.optional("reads_in_flight", values.number_from(1, 256), 32)
    target = read_target(flags)
    if flags.problems:
        raise BadInput(flags.problems)
    return case_uri, target, in_flight


def _manifest_of(case_uri: str) -> Stored:
    """The manifest of the last complete run; raises BadInput when there is none."""
    uri = f"{case_uri}/manifest.json"
    try:
        found = read_manifest(uri)
    except ValueError as error:
        raise BadInput(
            [f"--case {case_uri}: manifest.json is not readable ({first_line(error)})"]
        ) from error
    if found is None:
        raise BadInput(
            [
                f"--case {case_uri}: found no manifest.json; expected the folder of a case that a "
                "run completed: <output>/<case_id>"
            ]
        )
    missing = {"case_id", "tables", "books", "inputs_sha256", "parameters"} - found.content.keys()
    if missing:
        raise BadInput(
            [
                f"--case {case_uri}: its manifest says nothing of {', '.join(sorted(missing))}; "
                "expected one of this version of the job; run the case again"
            ]
        )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A complete case as exports read it: facts of the manifest, rows of the tables it names."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jobs.errors import BadInput
from jobs.evidence import stored_fields as fields
from jobs.evidence.case_lock import CaseHeld, holder_of
from jobs.evidence.stored_case import StoredCase
from jobs.evidence.table_rows import CaseAltered, rows_of
from jobs.storage.whole_objects import NotThere, read_bytes
from transforms.acts import Act
from transforms.attack import TECHNIQUES
from transforms.exports.case_facts import CaseFacts, Row
from transforms.network.addresses import canonical
from transforms.patterns import resource_id
from transforms.text import sanitise
from transforms.utc import time_of
from transforms.vocabulary import Step

_LONGEST_SENTENCE = 2_000


class ExportedCase(NamedTuple):
    """A case that a run completed and that nobody holds; see `CaseSource`."""

    uri: str
    stored: StoredCase
    facts: CaseFacts

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, from bytes whose SHA-256 is the manifest's."""
        return rows_of(self.uri, self.stored, table)


def exported_case(case_uri: str, case: StoredCase) -> ExportedCase:
    """The case, if it may be handed over; raises CaseHeld, CaseAltered and BadInput."""
    _refuse_held(case_uri)
    books = [each for each in case.books.values() if not each.balanced]
    if books:
        raise CaseAltered(
            [
                f"{case_uri}: found that the books of run {case.run_id} do not balance; expected "
                "figures that can be relied on; keep the case and report it, see its manifest"
            ]
        )
    try:
        return ExportedCase(case_uri, case, facts_of(case))
    except ValueError as error:
        raise BadInput(
            [
                f"{case_uri}: its manifest is not one of an investigation "
                f"({sanitise(error, 1000)}); expected a case of one instance, by this version of "
                "the job; trace it again"
            ]
        ) from error


def _refuse_held(case_uri: str) -> None:
    lock = f"{case_uri}/run.lock"
    try:
        read_bytes(lock)
    except NotThere:
        return
    owner = holder_of(lock)
    who = f"run {sanitise(owner.run_id, 80)} holds it" if owner else "somebody holds it"
    raise CaseHeld(
        [
            f"{case_uri}: found a run.lock: {who}; expected a case that no run is changing; wait "
            "for the run, or run the case again if it died"
        ]
    )


def facts_of(case: StoredCase) -> CaseFacts:
    """What the manifest says, each field as what it must be; raises ValueError."""
    content, collector = case.stored.content, fields.Collector()
    read = collector.read

    def part(name: str) -> Mapping[str, Any]:
        found = read(lambda: fields.mapping(content.get(name), name))
        return found if found is not None else {}

    story, verdict, coverage = part("story"), part("verdict"), part("coverage")
    window = read(lambda: fields.mapping(part("parameters").get("window"), "window")) or {}
    finding = content.get("finding") or {}
    parts = {
        "tool_version": read(lambda: _text(part("tool").get("version"), "tool.version")),
        "finished_at": read(lambda: fields.moment(content.get("finished_at"), "finished_at")),
        "from_at": read(lambda: fields.moment(window.get("from_at"), "window.from_at")),
        "to_at": read(lambda: fields.moment(window.get("to_at"), "window.to_at")),
        "instances": read(lambda: _instances(content)),
        "verdict": read(lambda: Step(_text(verdict.get("step"), "verdict.step")).value),
        "sentence": read(lambda: _text(verdict.get("sentence"), "verdict.sentence")),
        "coverage": read(lambda: _text(coverage.get("verdict"), "coverage.verdict")),
        "coverage_reasons": read(lambda: _texts(coverage.get("reasons"), "coverage.reasons")),
        "headline": read(lambda: _text(story.get("headline"), "story.headline")),
        "acts": read(lambda: _acts(story.get("acts"))),
        "finding_ids": read(lambda: _texts(_of(finding).get("ids", []), "finding.ids")),
        "finding_types": read(lambda: _texts(_of(finding).get("types", []), "finding.types")),
    }
    collector.raise_if_any()
    return CaseFacts(
        case_id=case.case_id,
        run_id=case.run_id,
        manifest_sha256=case.stored.sha256,
        **parts,
    )


def _of(finding: object) -> Mapping[str, Any]:
    return fields.mapping(finding, "finding")


def _text(value: object, where: str) -> str:
    return sanitise(fields.text(value, where), _LONGEST_SENTENCE)


def _texts(value: object, where: str) -> tuple[str, ...]:
    return tuple(_text(item, where) for item in fields.sequence(value, where))


def _instances(content: Mapping[str, Any]) -> dict[str, str]:
    """Names by id; an id that is none of AWS's is refused, as it becomes an identifier."""
    subject = fields.mapping(content.get("subject"), "subject")
    names = fields.mapping(content.get("instance_names") or {}, "instance_names")
    found = {}
    for instance_id in fields.sequence(subject.get("instance_ids"), "subject.instance_ids"):
        if not re.fullmatch(resource_id("i"), fields.text(instance_id, "subject.instance_ids")):
            raise ValueError("subject.instance_ids: expected ids of instances")
        name = names.get(instance_id)
        found[instance_id] = _text(name, "instance_names") if name else instance_id
    return found


def _acts(value: object) -> tuple[Act, ...]:
    return tuple(_act(fields.mapping(item, "act")) for item in fields.sequence(value, "story.acts"))


def _act(item: Mapping[str, Any]) -> Act:
    at, technique, address = (
        fields.text(item.get(name, ""), f"act.{name}") for name in ("at", "technique", "address")
    )
    time_of(at)
    if technique and technique not in TECHNIQUES:
        raise ValueError(f"act.technique: found {technique[:40]!r}; expected one of this job")
    if address and canonical(address) is None:
        raise ValueError(f"act.address: found {address[:80]!r}; expected an address")
    return Act(
        at=at,
        sentence=_text(item.get("sentence"), "act.sentence"),
        clause=_text(item.get("clause"), "act.clause"),
        technique=technique,
        source=_text(item.get("source"), "act.source"),
        address=address,
    )

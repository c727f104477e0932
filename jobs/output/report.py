"""Answers → one HTML file: no script, no request, the same bytes for the same inputs.

Only the block at the end holds the run's id and time.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files

import obstore

from jobs.output.report_charts import EVENTS_DRAWN, PEERS_DRAWN, Contact, Event, contacts, timeline
from jobs.pipeline.answer import Answered
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import CaseCoverage, coverage_lines
from jobs.storage.object_store import open_store, place_of
from transforms.conversations.build import CONVERSATIONS_VERSION
from transforms.network.service_classes import SERVICE_CLASSES, SERVICE_CLASSES_VERSION
from transforms.questions.beyond import said_of_baseline
from transforms.questions.catalogue import Answer
from transforms.questions.question import QUESTIONS_VERSION, peer_of
from transforms.questions.silence import NOT_SEEN
from transforms.questions.verdict import VERDICT_VERSION
from transforms.text import sanitise

_OUTCOMES = ("blocked_src", "blocked_dst", "no_answer", "refused", "answered", "data")
_READINGS = {"": "the window", "baseline": "the baseline", "hop_2": "the second hop"}
_MATRIX = (40, 20)
_KEY_NUMBERS = (
    ("P0-1", "peers_tried", "internal peers tried"),
    ("P0-1", "peers_answered", "of them answered"),
    ("P0-1", "peers_with_data", "of them with data"),
    ("P0-4", "stopped", "attempts stopped"),
    ("P0-6", "outside", "sources outside that got in touch"),
    ("P0-8", "payload_out", "bytes of payload to the outside, at most"),
)
_SAW = ("P0-2b", "P0-3", "P0-4", "P0-5", "P0-6", "P0-8", "P0-9", "P1-16")
# A question that was not asked, or of which nothing was seen, was not answered with nothing.
_UNASKED = ("not asked", "cannot tell", NOT_SEEN)
_LANES = {
    "P0-3": "at services that matter", "P0-4": "stopped", "P0-6": "inbound",
    "P0-7": "to the outside", "P0-8": "bytes out",
}  # fmt: skip
_BEYOND = (
    ("Logins, commands, processes", "logs of the hosts"),
    ("The metadata service, 169.254.169.254", "CloudTrail, for what its credentials did"),
    ("Queries to Amazon's resolver", "Route 53 Resolver query logs"),
    ("DHCP, Amazon's time service, mirrored traffic, the VPC router", "nothing else records it"),
    ("API calls to AWS", "CloudTrail"),
    ("What a peer's security group rejected, where the peer's interface has no flow log",
     "a flow log on the peer's subnet"),
)  # fmt: skip


def write_report(
    case: Case,
    answered: Answered,
    books: Mapping[str, Books],
    coverage: CaseCoverage | None,
    inputs_sha256: str,
) -> dict[str, object]:
    """Put the report of this run into the case; returns what the manifest says of it.

    Readers find it as `report.html` once the manifest names it, by `show_report`.
    """
    text = render_report(case, answered, books, coverage, inputs_sha256).encode()
    name = report_name(case.run_id)
    place = place_of(f"{case.arguments.case_uri}/{name}")
    obstore.put(open_store(place.bucket), place.path, text)
    return {"name": name, "sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}


def report_name(run_id: str) -> str:
    """Where in the case the report of a run is."""
    return f"reports/{run_id}.html"


def show_report(case_uri: str, run_id: str) -> None:
    """Make the report of a run `report.html`."""
    place = place_of(case_uri)
    store = open_store(place.bucket)
    text = obstore.get(store, f"{place.path}/{report_name(run_id)}").bytes()
    obstore.put(store, f"{place.path}/report.html", text)


def render_report(
    case: Case,
    answered: Answered,
    books: Mapping[str, Books],
    coverage: CaseCoverage | None,
    inputs_sha256: str,
) -> str:
    """The file, as text."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    folder = files("jobs.output") / "templates"
    css = (folder / "report.css").read_text()
    pages = DictLoader({"report.html": (folder / "report.html").read_text()})
    environment = Environment(loader=pages, autoescape=True, undefined=StrictUndefined)
    by_id = {answer.question: answer for answer in answered.answers}
    subject = _subject(case)
    window = (case.arguments.window.from_at, case.arguments.window.to_at)
    return environment.get_template("report.html").render(
        css=_Safe(css),
        css_sha256=b64encode(hashlib.sha256(css.encode()).digest()).decode(),
        case_id=case.arguments.case_id,
        step=answered.verdict.step,
        sentence=sanitise(answered.verdict.sentence, 1000),
        coverage=_coverage(coverage),
        is_unseen=coverage is not None and coverage.judged.verdict == "NONE",
        window=str(case.arguments.window),
        subject=subject,
        saw=[sanitise(by_id[name].sentence, 600) for name in _SAW if by_id[name].rows],
        not_seen=[
            sanitise(answer.sentence, 600)
            for answer in answered.answers
            if not answer.rows
            and answer.question != "P0-1"
            and answer.verdict not in _UNASKED
        ],
        cannot_see=[
            *_gaps(coverage),
            *dict.fromkeys(
                sanitise(answer.sentence, 600)
                for answer in answered.answers
                if answer.question != "P0-1"
                and not answer.rows
                and answer.verdict in ("cannot tell", NOT_SEEN)
            ),
            *(f"{what}: see {where}." for what, where in _BEYOND[:4]),
        ],
        claims=[
            {
                "claim": sanitise(claim.claim, 200),
                "verdict": claim.verdict,
                "sentence": claim.sentence,
            }
            for claim in case.claims
        ],
        new_said=said_of_baseline(answered.asked.baseline),
        hop_said=sanitise(by_id["P0-9"].sentence, 600),
        by_id=by_id,
        key_numbers=_KEY_NUMBERS,
        **_drawings(case, by_id, subject["name"], window),
        matrix=_matrix(by_id["P0-2"]),
        hours=_hours(by_id["P2-19"]),
        answers=[_shown(answer) for answer in answered.answers],
        versions={
            "questions": QUESTIONS_VERSION, "conversations": CONVERSATIONS_VERSION,
            "service_classes": SERVICE_CLASSES_VERSION, "verdict": VERDICT_VERSION,
        },
        thresholds=list(answered.asked.thresholds._asdict().items()),
        service_classes=[
            (name, ", ".join(map(str, ports))) for name, ports in SERVICE_CLASSES.items()
        ],
        inputs_sha256=inputs_sha256,
        all_books=[
            (_READINGS[reading], each.identities(), _said_of_quarantine(each))
            for reading, each in books.items()
        ],
        beyond=_BEYOND,
        run_said=f"Run {case.run_id} of {case.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.",
    )  # fmt: skip


def _said_of_quarantine(books: Books) -> str:
    return (
        f"In quarantine: {books.quarantined_objects:,} objects, {books.quarantined_lines:,} lines, "
        f"{books.quarantined_documents:,} documents."
    )


class _Safe(str):
    """Our own text, which goes in as it is."""

    def __html__(self) -> str:
        return self


def _subject(case: Case) -> dict[str, str]:
    subject = case.subject
    known, more = subject.names(), len(subject.instance_ids) - 1
    name = known[0] if known else "the subject"
    if more > 0:
        name += f" or {more} more"
    return {"name": sanitise(name), "described": ", ".join(known)}


def _shown(answer: Answer) -> dict[str, object]:
    shown = [_narrow(row) for row in answer.rows]
    columns = list(dict.fromkeys(name for row in shown for name in row))
    rows = [[_cell(row.get(name)) for name in columns] for row in shown]
    said = ", ".join(f"{name} {value}" for name, value in answer.parameters.items())
    return {
        **answer._asdict(),
        "verdict": sanitise(answer.verdict),
        "sentence": sanitise(answer.sentence, 1000),
        "parameters_said": f"With {said}." if said else "",
        "table": {"columns": columns, "rows": rows, "more": len(rows) >= 200},
    }


def _narrow(row: Mapping[str, object]) -> dict[str, object]:
    """A row in fewer columns: the peer with its name, outcomes that there were in one cell."""
    outcomes = [name for name in _OUTCOMES if name in row]
    counted = ", ".join(f"{name} {row[name]}" for name in outcomes if row[name])
    kept: dict[str, object] = {}
    for name, value in row.items():
        if name == "peer":
            kept["peer"] = peer_of(row) if value else None
        elif name == "service_port" and "protocol" in row:
            kept["service"] = _service(row["protocol"], value)
        elif name == "protocol" and "service_port" in row:
            continue
        elif outcomes and name == outcomes[0]:
            kept["outcomes"] = counted
        elif name not in outcomes and name not in ("peer_name", "peer_vpc_name"):
            kept[name.removeprefix("peer_").removesuffix("_name").replace("_", " ")] = value
    return kept


def _service(protocol: object, port: object) -> str:
    name = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp6"}.get(str(protocol), str(protocol))
    return f"{name} {port}" if name in ("tcp", "udp") and port is not None else name


def _cell(value: object) -> dict[str, object]:
    if value is None:
        return {"text": "", "kind": "text"}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"text": f"{value:,}", "kind": "n"}
    if isinstance(value, list):
        return {"text": sanitise(" ".join(map(str, value))), "kind": "text"}
    if found := re.fullmatch(r"\d{4}-(\d\d-\d\d)T(\d\d:\d\d:\d\d)\.000Z", str(value)):
        return {"text": f"{found[1]} {found[2]}", "kind": "n"}
    return {"text": sanitise(value), "kind": "text"}


def _matrix(answer: Answer) -> dict[str, object]:
    """Peers by service ports; the foremost ones, in the order of the answer."""
    peers = list(dict.fromkeys(str(row["peer"]) for row in answer.rows))[: _MATRIX[0]]
    counted: dict[object, int] = {}
    for row in answer.rows:
        if row["peer"] in peers:
            counted[row["service_port"]] = counted.get(row["service_port"], 0) + 1
    ports = sorted(sorted(counted, key=lambda port: -counted[port])[: _MATRIX[1]], key=str)
    cells = {(row["peer"], row["service_port"]): row for row in reversed(answer.rows)}
    names = {str(row["peer"]): peer_of(row) for row in answer.rows}
    letters = {"BLOCKED_DST": "T", "BLOCKED_SRC": "S"}
    rows = [
        {
            "peer": sanitise(names[peer], 60),
            "cells": [_square(cells.get((peer, port)), letters) for port in ports],
        }
        for peer in peers
    ]
    shown = sum((peer, port) in cells for peer in peers for port in ports)
    return {"rows": rows, "ports": ports, "left": answer.figures.get("services", shown) - shown}


def _square(
    row: Mapping[str, object] | None, letters: Mapping[str, str]
) -> dict[str, object] | None:
    if row is None:
        return None
    outcome = str(row["outcome"])
    letter = letters.get(outcome, outcome[0])
    return {"outcome": outcome, "letter": letter, "attempts": row["attempts"]}


def _hours(answer: Answer) -> dict[str, object]:
    most = max((_number(row, "conversations") for row in answer.rows), default=1)
    days: dict[str, dict[int, int]] = {}
    for row in answer.rows:
        at = str(row["hour"])
        days.setdefault(at[:10], {})[int(at[11:13])] = _number(row, "conversations")
    return {
        "days": [
            {
                "day": day,
                "cells": [
                    {
                        "text": f"{n:,}" if (n := found.get(hour, 0)) else "",
                        "heat": -(-4 * n // most),
                    }
                    for hour in range(24)
                ],
            }
            for day, found in sorted(days.items())[:31]
        ]
    }


def _drawings(
    case: Case, by_id: Mapping[str, Answer], subject: str, window: tuple[datetime, datetime]
) -> dict[str, object]:
    events = list(_events(by_id))[:EVENTS_DRAWN]
    markers = {}
    if case.finding and case.finding.finding.first_seen:
        markers["finding"] = case.finding.finding.first_seen
    if by_id["P1-16"].rows:
        markers["first sign"] = _time(by_id["P1-16"].rows[0]["first_at"])
    if case.arguments.asked.contained_at:
        markers["containment"] = case.arguments.asked.contained_at
    peers: dict[str, Contact] = {}
    for row in by_id["P0-2"].rows:
        before = peers.get(str(row["peer"]))
        octets = _number(row, "bytes_out") + _number(row, "bytes_in")
        outcome = before.outcome if before else str(row["outcome"])
        words = sanitise(row.get("peer_name") or row["peer"], 24)
        peers[str(row["peer"])] = Contact(words, outcome, octets + (before.octets if before else 0))
    drawn = list(peers.values())[:PEERS_DRAWN]
    tried = by_id["P0-2"].figures.get("peers", len(drawn))
    marked = "; ".join(
        f"{name} {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" for name, at in markers.items()
    )
    return {
        "timeline": timeline(events, list(_LANES.values()), markers, window) if events else None,
        "timeline_words": f"{len(events)} events. Markers: {marked or 'none'}.",
        "graph": contacts(subject, drawn) if drawn else None,
        "graph_words": f"{len(drawn)} of {tried:,} internal peers, wider for more bytes.",
    }


def _events(by_id: Mapping[str, Answer]) -> Iterator[Event]:
    """A few of each lane first, so that no lane crowds out another."""
    each = EVENTS_DRAWN // len(_LANES)
    for question, lane in _LANES.items():
        for row in by_id[question].rows[:each]:
            first = row.get("first_at", row.get("hour"))
            words = sanitise(row.get("peer_name") or row["peer"], 24)
            outcome = str(row.get("outcome", ""))
            yield Event(lane, _time(first), _time(row["last_at"]), words, outcome)


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def _number(row: Mapping[str, object], name: str) -> int:
    return int(str(row[name]))


def _coverage(found: CaseCoverage | None) -> dict[str, object]:
    """What the report says of how complete the records are."""
    if found is None:
        return {"verdict": "NONE", "sentence": "How complete the records are was not judged."}
    lines = coverage_lines(found)
    return {
        "verdict": found.judged.verdict,
        "sentence": sanitise(
            " ".join(line.strip() for line in lines).removeprefix("Coverage").strip(), 2000
        ),
    }


def _gaps(found: CaseCoverage | None) -> list[str]:
    """What this case's records leave open, before what no flow log shows."""
    if found is None:
        return []
    said = [sanitise(f"{reason}.", 600) for reason in found.judged.reasons]
    if found.unlogged_peers:
        said.append(
            f"What {len(found.unlogged_peers):,} internal peers rejected: their own interfaces "
            "have no record."
        )
    return said

"""What the drawings of the report show: events of the timeline, peers of the graph."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from jobs.output.report_charts import EVENTS_DRAWN, PEERS_DRAWN, Contact, Event, contacts, timeline
from jobs.output.report_tables import number_of
from jobs.pipeline.result import Investigation, RunResult
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.question import Place
from transforms.text import sanitise


def drawings(result: RunResult, investigation: Investigation, subject: str) -> dict[str, object]:
    """The timeline and the graph of contacts, each with its caption."""
    answers = investigation.answers
    window = result.case.arguments.window
    on_lanes = [answer for answer in answers if answer.question.lane]
    first_sign = the_one_in(answers, Place.FIRST_SIGN)
    markers = _markers(result, investigation, first_sign)
    events = list(_events(on_lanes))[:EVENTS_DRAWN]
    marked = "; ".join(
        f"{name} {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" for name, at in markers.items()
    )
    graph = the_one_in(answers, Place.CONTACT_GRAPH)
    peers = _contacts(graph)[:PEERS_DRAWN]
    tried = graph.figures.get("peers", len(peers))
    lanes = [answer.question.lane or "" for answer in on_lanes]
    return {
        "timeline": timeline(events, lanes, markers, (window.from_at, window.to_at))
        if events
        else None,
        "timeline_words": f"{len(events)} events. Markers: {marked or 'none'}.",
        "timeline_sources": [each.question.id for each in (*on_lanes, first_sign)],
        "graph": contacts(subject, peers) if peers else None,
        "graph_words": f"{len(peers)} of {tried:,} internal peers, wider for more bytes.",
        "graph_source": graph.question.id,
        "graph_note": sanitise(the_one_in(answers, Place.CONTACT_NOTE).sentence, 600),
    }


def _markers(
    result: RunResult, investigation: Investigation, first_sign: Answer
) -> Mapping[str, datetime]:
    markers: dict[str, datetime] = {}
    finding = result.case.finding
    if finding is not None and finding.finding.first_seen:
        markers["finding"] = finding.finding.first_seen
    if first_sign.rows:
        markers["first sign"] = _time(first_sign.rows[0]["first_at"])
    if contained_at := investigation.context.options.contained_at:
        markers["containment"] = contained_at
    return markers


def _contacts(answer: Answer) -> list[Contact]:
    peers: dict[str, Contact] = {}
    for row in answer.rows:
        before = peers.get(str(row["peer"]))
        # Rows of JSON leave out what is not recorded; only the width of a line depends on it.
        octets = sum(number_of(row, name) for name in ("bytes_out", "bytes_in") if name in row)
        outcome = before.outcome if before else str(row["outcome"])
        words = sanitise(row.get("peer_name") or row["peer"], 24)
        peers[str(row["peer"])] = Contact(words, outcome, octets + (before.octets if before else 0))
    return list(peers.values())


def _events(on_lanes: Sequence[Answer]) -> Iterator[Event]:
    """A few of each lane first, so that no lane crowds out another."""
    for answer in on_lanes:
        for row in answer.rows[: EVENTS_DRAWN // len(on_lanes)]:
            first = row.get("first_at", row.get("hour"))
            words = sanitise(row.get("peer_name") or row["peer"], 24)
            outcome = str(row.get("outcome", ""))
            yield Event(
                answer.question.lane or "", _time(first), _time(row["last_at"]), words, outcome
            )


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))

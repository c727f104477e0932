"""What the graph of the report shows: who came in, the subject, whom it reached, what left."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jobs.output.report_units import clock
from jobs.pipeline.result import Investigation
from transforms.acts import name_of, service_at
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.question import Place
from transforms.standing.path import PathStep
from transforms.stops import stop_of
from transforms.story import channel_rows, entry_row, large_transfers, stopped_rows
from transforms.text import sanitise
from transforms.vocabulary import Outcome, Ring, Standing
from transforms.wording import count_of, duration, number_of, size

SUBJECT = "subject"
SOURCES, MACHINES = 0, 2  # columns; the subject is between them, what is outside comes last
OUTSIDE = 99
MOST_NAMED = 5
_TONES = {
    Outcome.DATA: "data", Outcome.ANSWERED: "answered", Outcome.REFUSED: "stopped",
    Outcome.BLOCKED_DST: "stopped", Outcome.BLOCKED_SRC: "stopped", Outcome.NO_ANSWER: "silent",
}  # fmt: skip
_ENDS = {"data": "data", "answered": "answered, no data", "stopped": "stopped",
         "silent": "no answer"}  # fmt: skip

_LADDER = {str(word): rank for rank, word in enumerate(Outcome)}  # the weakest first

Row = Mapping[str, object]


class Node(NamedTuple):
    """A machine, an address outside, or several of them as one (`shape` many)."""

    key: str
    column: int
    shape: str  # machine, outside, many or subject
    tone: str  # data, answered, stopped, silent, ordinary, other, unclear, source or subject
    title: str
    address: str = ""
    detail: str = ""


class Edge(NamedTuple):
    """Who began, and with whom."""

    source: str
    target: str
    tone: str


class Graph(NamedTuple):
    """Nodes in the order in which they are drawn, column by column, and the edges."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(investigation: Investigation, subject: str, addresses: Sequence[str]) -> Graph:
    """The graph of a subject, by its name or id; what is not known is not drawn."""
    by_slug = {answer.question.slug: answer for answer in investigation.answers}
    steps = investigation.steps
    node = Node(SUBJECT, 1, "subject", "subject", sanitise(subject, 60), ", ".join(addresses[:1]))
    found = [
        *_sources(by_slug["entry"], by_slug["sources"]),
        (node, None),
        *_machines(investigation.answers, by_slug, steps),
        *_outside(by_slug),
    ]
    nodes = {node.key: node for node, _ in found}
    edges = [edge for _, edge in found if edge]
    for onward, edge in _onward(steps, nodes):
        nodes.setdefault(onward.key, onward)
        edges.append(edge)
    return Graph(tuple(nodes.values()), tuple(dict.fromkeys(edges)))


Drawn = tuple[Node, Edge | None]


def _sources(entry: Answer, sources: Answer) -> Iterator[Drawn]:
    """Who may have entered it, who else came in unlike on other days, and the rest as one."""
    named: dict[str, tuple[str, str]] = {}  # address → shape and detail
    foremost = entry_row(entry)
    for row in entry.rows[:3] if foremost else ():
        at = row.get("longest_at") if row is foremost else row["first_at"]
        tries = count_of(number_of(row, "tries"), "try", "tries")
        how = duration(number_of(row, "longest_s")) if row is foremost else tries
        named[str(row["peer"])] = ("outside", f"{_service(row, at)} · {how}")
    for row in sources.rows:
        is_unusual = row.get("service_class") and row.get("standing") != Standing.ORDINARY
        if is_unusual and str(row["peer"]) not in named and len(named) < MOST_NAMED:
            shape = "outside" if row.get("peer_ring") == Ring.INTERNET else "machine"
            named[str(row["peer"])] = (shape, f"{_service(row, row['first_at'])} · inbound")
    names = {str(row["peer"]): name_of(row) for row in (*sources.rows, *entry.rows)}
    for address, (shape, detail) in named.items():
        key = f"from {address}"
        node = Node(key, SOURCES, shape, "source", *_called(names[address], address), detail)
        yield node, Edge(key, SUBJECT, "data")
    rest = sources.figures.get("sources", 0) - len(named)
    if rest > 0:
        is_ordinary = all(
            row.get("standing") == Standing.ORDINARY or str(row["peer"]) in named
            for row in sources.rows
        )
        detail = "ordinary" if is_ordinary else f"see {sources.question.id}"
        other = "other client" if named else "client"
        title = count_of(rest, other, f"{other}s")
        tone = "ordinary" if is_ordinary else "other"
        node = Node("other clients", SOURCES, "many", tone, title, "", detail)
        yield node, Edge("other clients", SUBJECT, tone)


def _machines(
    answers: Sequence[Answer], by_slug: Mapping[str, Answer], steps: Sequence[PathStep]
) -> Iterator[Drawn]:
    """Machines inside that the subject tried, by how far it got; the silent ones as one."""
    figures = the_one_in(answers, Place.HEADLINE).figures
    tried = [
        row
        for row in the_one_in(answers, Place.CONTACT_GRAPH).rows
        if row.get("standing") != Standing.ORDINARY
    ]
    reached = list(_reached(tried, steps))
    yield from ((node, Edge(SUBJECT, node.key, node.tone)) for node in reached[:MOST_NAMED])
    if (more := len(reached) - MOST_NAMED) > 0:
        yield _group("more", f"{more:,} more reached", "see the path", "data")
    keys = {node.key for node in reached}
    stopped = {
        str(row["peer"]): row
        for row in stopped_rows(by_slug["blocked"], by_slug["scans"])[:2]
        if str(row["peer"]) not in keys
    }
    answering = {str(row["peer"]) for row in tried if row["outcome"] == Outcome.ANSWERED}
    answered = figures.get("peers_answered", 0) - len(reached) - len(answering & stopped.keys())
    if answered > 0:
        yield _group("answered", f"{answered:,} answered", "without data", "answered")
    for row in stopped.values():
        how = stop_of(row, SUBJECT).short
        yield _machine(row, f"{_service(row, row['first_at'])} · {how}", "stopped")
    silent = figures.get("peers_tried", 0) - figures.get("peers_answered", 0)
    silent -= len(stopped.keys() - answering)
    if silent > 0:
        title = count_of(silent, "silent target", "silent targets")
        yield _group("silent", title, _silent_detail(by_slug["scans"]), "silent")
    yield from _unclear_and_ordinary(figures)


def _reached(tried: Sequence[Row], steps: Sequence[PathStep]) -> Iterator[Node]:
    """Those of the path's first hop, then others that data was exchanged with, each once."""
    first = _furthest(step for step in steps if step.hop == 1 and step.is_inside)
    yield from (_of_step(step, MACHINES) for step in first)
    seen = {step.to_address for step in first}
    for row in tried:
        if row["outcome"] == Outcome.DATA and str(row["peer"]) not in seen:
            seen.add(str(row["peer"]))
            yield _machine(row, f"{_service(row, row['first_at'])} · data", "data")[0]


def _unclear_and_ordinary(figures: Mapping[str, int]) -> Iterator[Drawn]:
    if unclear := figures.get("unclear", 0):
        title = f"{figures.get('unclear_peers', 0):,} unclear"
        yield _group("unclear", title, f"who began {unclear:,} is unknown", "unclear")
    if peers := figures.get("ordinary_peers", 0):
        port = (
            f"port {figures['ordinary_port']} · "
            if figures.get("ordinary_ports") == 1 and figures.get("ordinary_port")
            else ""
        )
        times = f"{figures['ordinary']:,} times" if figures.get("ordinary") else ""
        yield _group("ordinary", f"{peers:,} ordinary", f"{port}{times}", "ordinary")


def _outside(by_slug: Mapping[str, Answer]) -> Iterator[Drawn]:
    """What left in large volume, whom it calls, whom it began with unlike on other days."""
    named: dict[str, Drawn] = {}
    for transfer in large_transfers(by_slug["volume"])[:2]:
        row = transfer.row
        at = clock(row.get("first_at") or row["hour"])
        detail = f"{at} · {size(transfer.octets)} out"
        named.setdefault(str(row["peer"]), _beyond(row, detail, "data"))
    for row in channel_rows(by_slug["regular_calls"], by_slug["channels"]):
        calls = count_of(number_of(row, "calls"), "call", "calls")
        detail = f"{calls} from {clock(row['first_at'])} on"
        named.setdefault(str(row["peer"]), _beyond(row, detail, "data"))
    answer = by_slug["outside_addresses"]
    unusual = [row for row in answer.rows if row.get("standing") != Standing.ORDINARY]
    for row in unusual[:MOST_NAMED]:
        if len(named) < MOST_NAMED:
            tone = _TONES[Outcome(str(row["outcome"]))]
            detail = f"{_service(row, row['first_at'])} · {_ENDS[tone]}"
            named.setdefault(str(row["peer"]), _beyond(row, detail, tone))
    yield from named.values()
    listed = {str(row["peer"]) for row in answer.rows}
    if (rest := answer.figures.get("peers", 0) - len(named.keys() & listed)) > 0:
        is_ordinary = len(listed) == answer.figures.get("peers") and all(
            str(row["peer"]) in named for row in unusual
        )
        what = "ordinary" if is_ordinary else f"see {answer.question.id}"
        title = f"{rest:,} more outside" if named else f"{rest:,} outside"
        tone = "ordinary" if is_ordinary else "other"
        node = Node("outside", OUTSIDE, "many", tone, title, "", what)
        yield node, Edge(SUBJECT, "outside", tone)


def _onward(steps: Sequence[PathStep], nodes: Mapping[str, Node]) -> Iterator[tuple[Node, Edge]]:
    """The steps of the path beyond the first hop; targets of one hop that are too many, as one."""
    later = _furthest(step for step in steps if step.hop > 1)
    targets: dict[int, list[str]] = {}
    for step in later:
        found = targets.setdefault(_column_of(step), [])
        if _key_of(step) not in nodes and step.to_address not in found:
            found.append(step.to_address)
    drawn = dict(nodes)
    for step in later:
        column = _column_of(step)
        rest = targets[column][MOST_NAMED:]
        groups = ("more", f"more {MACHINES + step.hop - 2}")
        begins = next((key for key in (step.from_address, *groups) if key in drawn), None)
        if begins is None:
            continue
        node = drawn.get(_key_of(step)) or _of_step(step, column)
        if step.to_address in rest:
            node = Node(f"more {column}", column, "many", "data", f"{len(rest):,} more reached",
                        "", "see the path")  # fmt: skip
        drawn[node.key] = node
        yield node, Edge(begins, node.key, _TONES[Outcome(step.outcome)])


def _furthest(steps: Iterable[PathStep]) -> list[PathStep]:
    """Of each machine to another the step that got furthest, the first of these; in order."""
    found: dict[tuple[str, str], PathStep] = {}
    for step in steps:
        ends = (step.from_address, step.to_address)
        before = found.setdefault(ends, step)
        if _LADDER[step.outcome] > _LADDER[before.outcome]:
            found[ends] = step
    return list(found.values())


def _key_of(step: PathStep) -> str:
    """The node that a step leads to; outside, the one that the subject's own calls lead to."""
    return step.to_address if step.is_inside else f"to {step.to_address}"


def _column_of(step: PathStep) -> int:
    return MACHINES + step.hop - 1 if step.is_inside else OUTSIDE


def _of_step(step: PathStep, column: int) -> Node:
    tone = _TONES[Outcome(step.outcome)]
    name = sanitise(step.to_name or step.to_address, 60)
    detail = f"{service_at(step.service_port)} {clock(step.first_at)} · {_ENDS[tone]}"
    shape = "machine" if step.is_inside else "outside"
    return Node(_key_of(step), column, shape, tone, *_called(name, step.to_address), detail)


def _machine(row: Row, detail: str, tone: str) -> Drawn:
    address = str(row["peer"])
    node = Node(address, MACHINES, "machine", tone, *_called(name_of(row), address), detail)
    return node, Edge(SUBJECT, address, tone)


def _beyond(row: Row, detail: str, tone: str) -> Drawn:
    address = str(row["peer"])
    key = f"to {address}"
    node = Node(key, OUTSIDE, "outside", tone, *_called(name_of(row), address), detail)
    return node, Edge(SUBJECT, key, tone)


def _group(key: str, title: str, detail: str, tone: str) -> Drawn:
    return Node(key, MACHINES, "many", tone, title, "", detail), Edge(SUBJECT, key, tone)


def _called(name: str, address: str) -> tuple[str, str]:
    """A name with its address, or the address alone."""
    return (address, "") if name == address else (name, address)


def _service(row: Row, at: object) -> str:
    return f"{service_at(row.get('service_port'))} {clock(at)}"


def _silent_detail(scans: Answer) -> str:
    wide = [row for row in scans.rows if row["kind"] == "horizontal" and not row.get("bucket")]
    tried = f"{service_at(wide[0].get('service_port'))} · " if wide else ""
    return f"{tried}no answer or blocked"

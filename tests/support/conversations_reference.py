"""What the rules of conversations say, read plainly, one record after the other; IPv4 TCP only."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]
Story = dict[str, Any]
HEADERS = 40
DATA_MIN = 1_024


def conversations(rows: list[Row], own: str, gap_s: int) -> Iterator[Story]:
    """One dict per conversation."""
    tuples: defaultdict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        is_out = row["srcaddr"] == own
        ends = (row["srcport"], row["dstaddr"], row["dstport"])
        if not is_out:
            ends = (row["dstport"], row["srcaddr"], row["srcport"])
        tuples[ends].append({**row, "is_out": is_out})
    for (port, _, service), records in tuples.items():
        for session in _cut(records, gap_s):
            yield {"subject_port": port, **_story(session, int(str(port)), int(str(service)))}


def _cut(records: list[Row], gap_s: int) -> Iterator[list[Row]]:
    records = sorted(records, key=lambda row: (row["start"], row["end"]))
    session, last = [records[0]], records[0]["end"]
    for row in records[1:]:
        if row["start"] - last > gap_s:
            yield session
            session = []
        session.append(row)
        last = max(last, row["end"])
    yield session


def _story(session: list[Row], own_port: int, service: int) -> Story:
    began, basis = _initiator(session)
    forward = [row for row in session if row["is_out"] == (began != "peer")]
    reverse = [row for row in session if row["is_out"] != (began != "peer")]
    counter = _counter(session)
    counted = [r for r in session if r["interface_id"] == counter and r["action"] == "ACCEPT"]
    sums = {}
    for way, is_out in (("out", True), ("in", False)):
        part = [row for row in counted if row["is_out"] == is_out]
        sums[way] = sum(row["bytes"] for row in part)
        sums[f"payload {way}"] = max(0, sums[way] - HEADERS * sum(r["packets"] for r in part))
    outcome, why = _outcome(session, forward, reverse, began, sums)
    return {
        "first_s": min(row["start"] for row in session),
        "last_s": max(row["end"] for row in session),
        "records": len(session),
        "initiator": began,
        "initiator_basis": basis,
        "outcome": outcome,
        "outcome_basis": why,
        "bytes_out": sums["out"],
        "bytes_in": sums["in"],
        "observed_at": counter,
        "points": sorted({_point(row) for row in session}),
    }


def _point(row: Row) -> str:
    return "subject" if row["role"] == "own_interface" else "peer"


def _counter(session: list[Row]) -> object:
    """The suspect's interface where it saw anything, else the peer's."""
    return min(session, key=lambda row: row["role"] != "own_interface")["interface_id"]


def _flags(row: Row) -> int:
    return int(str(row["tcp_flags"] or 0))


def _initiator(session: list[Row]) -> tuple[str, str]:
    def first_syn(is_out: bool) -> int | None:
        starts = [
            row["start"] for row in session if row["is_out"] == is_out and _flags(row) & 18 == 2
        ]
        return min(starts, default=None)

    ours, theirs = first_syn(True), first_syn(False)
    if ours is not None and (theirs is None or ours < theirs):
        return "subject", "flags"
    if theirs is not None and (ours is None or theirs < ours):
        return "peer", "flags"
    answers = {
        row["is_out"] for row in session if _flags(row) & 18 == 18 and row["action"] == "ACCEPT"
    }
    if len(answers) == 1:
        return ("peer", "flags") if True in answers else ("subject", "flags")
    ways = {row["is_out"] for row in session}
    if len(ways) == 1 and any(row["action"] == "REJECT" for row in session):
        return ("subject", "reject") if True in ways else ("peer", "reject")
    return "subject", "port"  # 22 is known, the suspect's port is high


def _outcome(
    session: list[Row], forward: list[Row], reverse: list[Row], began: str, sums: dict[str, int]
) -> tuple[str, str]:
    most = max(sums["payload out"], sums["payload in"])
    there, back = _most_packets(forward), _most_packets(reverse)
    came = [row for row in reverse if row["action"] == "ACCEPT"]
    has_answer = any(_flags(row) & 18 == 18 for row in came)
    if back and not has_answer:
        if any(_flags(row) & 4 for row in came) and most <= DATA_MIN:
            return "REFUSED", "flags"
        if not _tells_flags(session):
            to, fro = ("payload out", "payload in")[:: -1 if began == "peer" else 1]
            small = 0 < sums[to] <= 20 * there and sums[fro] == 0 and back <= there
            if small or (there == 1 and back == 1):
                return "REFUSED", "counters (likely)"
    if back:
        return "DATA" if most > DATA_MIN else "ANSWERED", "flags" if has_answer else "counters"
    rejects = {_point(row) for row in forward if row["action"] == "REJECT"}
    near = "peer" if began == "peer" else "subject"
    if rejects - {near}:
        return "BLOCKED_DST", "action"
    if near in rejects:
        return "BLOCKED_SRC", "action"
    return "NO_ANSWER", "nothing came back"


def _tells_flags(session: list[Row]) -> bool:
    """Whether any record shows how it began or ended; rejected answers and resets tell nothing."""
    return any(
        _flags(row) & 18 == 2
        or (row["action"] == "ACCEPT" and (_flags(row) & 18 == 18 or _flags(row) & 4))
        for row in session
    )


def _most_packets(part: list[Row]) -> int:
    """Accepted packets at the interface that saw most."""
    by_interface: defaultdict[object, int] = defaultdict(int)
    for row in part:
        if row["action"] == "ACCEPT":
            by_interface[row["interface_id"]] += row["packets"]
    return max(by_interface.values(), default=0)

"""What the rules of conversations say, read plainly, one record after the other; IPv4 only."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Any

Row = dict[str, Any]
Story = dict[str, Any]
DATA_MIN, CROWD, EPHEMERAL = 1_024, 3, 32_768
SERVICES = {22, 53, 80, 443}  # those that the stories use


def conversations(rows: list[Row], own: str, gap_s: int) -> list[Story]:
    """One dict per conversation."""
    tuples: defaultdict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        is_out = row["srcaddr"] == own
        ends = (row["protocol"], row["srcport"], row["dstaddr"], row["dstport"])
        if not is_out:
            ends = (row["protocol"], row["dstport"], row["srcaddr"], row["srcport"])
        tuples[ends].append({**row, "way": "out" if is_out else "in"})
    found: list[Story] = [
        {"ends": ends, "rows": part, "copies": copies, "is_later": nth > 0}
        for ends, records in tuples.items()
        for nth, (session, copies) in enumerate(map(_without_copies, _cut(records, gap_s)))
        for part, copies in _parts(session, copies, gap_s)
    ]
    for one in found:
        one["by"] = _by_records(one["rows"], is_later=one["is_later"])
    crowds = _crowds(found)
    return [_story(one, one["by"] or _by_others(one, crowds)) for one in found]


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


def _without_copies(session: list[Row]) -> tuple[list[Row], int]:
    """Of equal records those of one object count."""
    names = "way interface_id start end action tcp_flags packets bytes protocol".split()

    def identity(row: Row) -> str:
        return repr([row[name] for name in names] + [_flow_log(row)])

    kept: list[Row] = []
    for _, equal in groupby(sorted(session, key=identity), key=identity):
        rows = list(equal)
        one = min(str(row["object_uri"]) for row in rows)
        kept += [row for row in rows if row["object_uri"] == one]
    return kept, len(session) - len(kept)


def _flow_log(row: Row) -> str:
    return str(row["object_uri"]).rsplit("/", 1)[-1].split("_")[3]


def _parts(session: list[Row], copies: int, gap_s: int) -> list[tuple[list[Row], int]]:
    """The session, and each rejected try in it that is an attempt of its own."""
    accepted = [row for row in session if _is_accepted(row)]
    apart: list[list[Row]] = []
    for way in ("out", "in"):
        own = [row for row in session if row["way"] == way]
        tries = [row for row in own if _is_try(row, accepted, gap_s)]
        let_pass = {_observer(row) for row in own if _is_accepted(row)}
        is_mixed = any(_observer(row) in let_pass for row in tries)
        others = len(own) < len(session)
        if tries and (others or is_mixed):
            apart.append(tries)
    rest = [row for row in session if not any(row in tries for tries in apart)]
    parts = [part for part in [rest, *apart] if part]
    return [(part, copies if at == 0 else 0) for at, part in enumerate(parts)]


def _is_try(row: Row, accepted: list[Row], gap_s: int) -> bool:
    if _is_accepted(row):
        return False
    if _has_flags(row):
        return _flags(row) & 18 == 2
    ends = [one["end"] for one in accepted if one["start"] <= row["start"]]
    return not ends or bool(row["start"] - max(ends) > gap_s)


def _observer(row: Row) -> tuple[object, ...]:
    return row["interface_id"], _flow_log(row)


def _is_accepted(row: Row) -> bool:
    return bool(row["action"] == "ACCEPT")


def _has_flags(row: Row) -> bool:
    return row["protocol"] == 6 and row["tcp_flags"] is not None


def _flags(row: Row, unknown: int = 0) -> int:
    return int(str(row["tcp_flags"])) if _has_flags(row) else unknown


def _payload(row: Row) -> int | None:
    if row["packets"] is None or row["bytes"] is None:
        return None
    packets, octets = int(str(row["packets"])), int(str(row["bytes"]))
    if row["protocol"] != 6:
        return max(0, octets - 28 * packets)
    if octets > 60 * packets:
        return octets - 40 * packets
    return max(0, octets - 52 * packets) if packets > 60 else 0


def _by_records(session: list[Row], *, is_later: bool) -> tuple[str, str, str] | None:
    ways = {row["way"] for row in session}
    if len(ways) == 1:
        (way,) = ways
        if all(_is_reply(row) for row in session):
            return "unknown", "only a reply was seen", "unknown"
        if is_later and all(_is_reply(row) or _is_close(row) for row in session):
            return "unknown", "only a close was seen", "unknown"
        has_syn = any(_has_flags(row) and _flags(row) & 18 == 2 for row in session)
        sure = "likely" if session[0]["protocol"] == 1 and not has_syn else "proven"
        return _side(way), "one side", sure
    answered = {row["way"] for row in session if _flags(row) & 18 == 18}
    if len(answered) == 2:
        return "unknown", "SYN-ACK from both", "unknown"
    if answered == {"in"}:
        return "subject", "SYN-ACK", "proven"
    if answered:  # whoever holds the subject can send one of his own
        asked_for = any(
            r["way"] == "in" and _is_accepted(r) and _flags(r) & 18 == 2 for r in session
        )
        return "peer", "SYN-ACK", "proven" if asked_for else "likely"
    ours, theirs = (
        min(
            (r["start"] for r in session
             if r["way"] == way and _is_accepted(r) and _flags(r) & 18 == 2),
            default=float("inf"),
        )
        for way in ("out", "in")
    )  # fmt: skip
    if ours != theirs:
        return ("subject" if ours < theirs else "peer"), "SYN times", "proven"
    return None


def _is_reply(row: Row) -> bool:
    is_reset = _flags(row) & 7 == 4 and not _payload(row)
    return _flags(row) & 18 == 18 or is_reset


def _is_close(row: Row) -> bool:
    """A FIN without SYN and without payload."""
    return _flags(row) & 3 == 1 and not _payload(row)


def _side(way: object) -> str:
    return "subject" if way == "out" else "peer"


def _rank(port: object) -> int:
    number = int(str(port))
    return 2 if number < 1024 or number in SERVICES else int(number < EPHEMERAL)


def _crowds(found: list[Story]) -> dict[tuple[object, ...], int]:
    """How many ports others use with a port, over conversations that records did not decide."""
    ports: defaultdict[tuple[object, ...], set[object]] = defaultdict(set)
    for one in found:
        protocol, own, peer, far = one["ends"]
        if one["by"] is None and protocol != 1:
            if _rank(far) < 2:
                ports["near", protocol, own].add(far)
            if _rank(own) < 2:
                ports["far", protocol, peer, far].add(own)
        if protocol == 1:
            ways = {row["way"] for row in one["rows"]}
            if len(ways) == 1:
                ports["alone", *ways].add(len(ports["alone", *ways]))
    return {key: len(values) for key, values in ports.items()}


def _by_others(one: Story, crowds: dict[tuple[object, ...], int]) -> tuple[str, str, str]:
    protocol, own, peer, far = one["ends"]
    first: dict[str, Any] = {
        way: min((r["start"] for r in one["rows"] if r["way"] == way and _is_accepted(r)),
                 default=None)
        for way in ("out", "in")
    }  # fmt: skip
    has_both = None not in first.values()
    # Flags without a SYN: it is older than its first record, so that order says nothing.
    is_older = any(_has_flags(r) for r in one["rows"]) and not any(
        _is_accepted(r) and _has_flags(r) and _flags(r) & 18 == 2 for r in one["rows"]
    )
    if has_both and not is_older and abs(first["out"] - first["in"]) >= 2:
        return ("subject" if first["out"] < first["in"] else "peer"), "order", "likely"
    near_crowd = crowds.get(("near", protocol, own), 0)
    far_crowd = crowds.get(("far", protocol, peer, far), 0)
    if protocol != 1:
        if far_crowd >= CROWD and far_crowd > near_crowd and _rank(own) < 2:
            return "subject", "crowd", "likely"
        if near_crowd >= CROWD and near_crowd > far_crowd and _rank(far) < 2:
            return "peer", "crowd", "likely"
        if _rank(own) != _rank(far):
            return ("subject" if _rank(far) > _rank(own) else "peer"), "ports", "likely"
    else:
        ours, theirs = crowds.get(("alone", "out"), 0), crowds.get(("alone", "in"), 0)
        if max(ours, theirs) >= CROWD and min(ours, theirs) == 0:
            return ("subject" if ours else "peer"), "crowd", "likely"
    if has_both and first["out"] != first["in"]:
        side = "subject" if first["out"] < first["in"] else "peer"
        return side, "order of a second", "likely"
    return "unknown", "no rule", "unknown"


def _story(one: Story, by: tuple[str, str, str]) -> Story:
    session = one["rows"]
    began, basis, certainty = by
    forward_way = "in" if began == "peer" else "out"
    if basis in ("only a reply was seen", "only a close was seen"):
        forward_way = "out" if session[0]["way"] == "in" else "in"
    counter = _counter(session)
    counted = [r for r in session if _observer(r) == counter and _is_accepted(r)]
    sums: dict[str, Any] = {}
    for way in ("out", "in"):
        part = [row for row in counted if row["way"] == way]
        for name in ("packets", "bytes"):
            values = [row[name] for row in part]
            sums[f"{name} {way}"] = None if None in values else sum(values)
        sums[f"data {way}"] = sum(_payload(row) or 0 for row in part)
        sums[f"blank {way}"] = sum(_payload(row) is None for row in part)
    outcome, why = _outcome(session, forward_way, sums)
    return {
        "subject_port": one["ends"][1],
        "first_s": min(row["start"] for row in session),
        "last_s": max(row["end"] for row in session),
        "records": len(session),
        "copies": one["copies"],
        "initiator": began,
        "initiator_basis": basis,
        "certainty": certainty,
        "outcome": outcome,
        "outcome_basis": why,
        "bytes_out": sums["bytes out"],
        "bytes_in": sums["bytes in"],
    }


def _point(row: Row) -> str:
    return "subject" if row["role"] == "own_interface" else "peer"


def _counter(session: list[Row]) -> object:
    """The nearest observer that accepted anything; of equal ones that which saw most."""
    observers = {_observer(row) for row in session}

    def place(observer: tuple[object, ...]) -> tuple[object, ...]:
        rows = [row for row in session if _observer(row) == observer]
        accepted = [row for row in rows if _is_accepted(row)]
        octets = 0
        for way in ("out", "in"):
            values = [row["bytes"] for row in accepted if row["way"] == way]
            octets += 0 if None in values else sum(values)
        return not accepted, _point(rows[0]) != "subject", -octets, observer

    return min(observers, key=place)


def _outcome(session: list[Row], forward: str, sums: dict[str, Any]) -> tuple[str, str]:
    back = "in" if forward == "out" else "out"
    came = [row for row in session if row["way"] == back and _is_accepted(row)]
    went = [row for row in session if row["way"] == forward]
    has_answer = any(row["way"] == back and _flags(row) & 18 == 18 for row in session)
    is_tcp = session[0]["protocol"] == 6
    resets = [row for row in came if _flags(row) & 4 and not _flags(row) & 2]
    began = any(_is_accepted(row) and _flags(row) & 18 == 2 for row in went)
    if is_tcp and came and not has_answer:
        if began and len(resets) == len(came) and sums[f"data {back}"] == 0:
            return "REFUSED", "flags"
        if not any(_has_flags(row) for row in session) and _looks_refused(forward, back, sums):
            return "REFUSED", "counters (likely)"
    if came or has_answer:
        how = "flags" if has_answer else "counters"
        if max(sums["data out"], sums["data in"]) > DATA_MIN:
            return "DATA", how
        blank = sums["blank out"] + sums["blank in"]
        return "ANSWERED", "volume not recorded" if blank else how
    rejects = {_point(row) for row in went if not _is_accepted(row)}
    near = "subject" if forward == "out" else "peer"
    if rejects - {near}:
        return "BLOCKED_DST", "action"
    return ("BLOCKED_SRC", "action") if rejects else ("NO_ANSWER", "nothing came back")


def _looks_refused(forward: str, back: str, sums: dict[str, Any]) -> bool:
    names = [f"{name} {way}" for name in ("packets", "bytes") for way in (forward, back)]
    if any(sums[name] is None for name in names):
        return False
    there, here, sent, got = (sums[name] for name in names)
    if got > 40 * here:
        return False
    return (there, here) == (1, 1) or (here <= there and 40 * there < sent <= 60 * there)

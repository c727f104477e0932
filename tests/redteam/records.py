"""A case as the interfaces of its ends record it: rows of the table `flows`."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tests.redteam.stories import (
    DAY_S,
    FIN,
    ICMP,
    ICMP6,
    MIDNIGHT,
    RST,
    SYN,
    SYN_ACK,
    TCP,
    UDP,
    Case,
    Talk,
)

Row = dict[str, object]
_INTERVAL_S = 60
_HEADERS = {TCP: 20, UDP: 8, ICMP: 8, ICMP6: 8}
_LACKS: dict[str, tuple[str, ...]] = {
    "full": (),
    "no flags": ("tcp_flags",),
    "version 2": ("tcp_flags", "flow_direction", "pkt_srcaddr", "pkt_dstaddr", "instance_id"),
    "no counts": (
        "tcp_flags", "flow_direction", "pkt_srcaddr", "pkt_dstaddr", "instance_id", "packets",
        "bytes",
    ),
}  # fmt: skip


def rows_of(case: Case) -> Iterator[Row]:
    """Every record of the case that meets the window, with its copies."""
    for talk in case.talks:
        for row in _rows(case, talk):
            meets = int(str(row["end"])) >= MIDNIGHT and int(str(row["start"])) < MIDNIGHT + DAY_S
            if meets:
                lacking = dict.fromkeys(_LACKS[case.fields])
                for log in range(case.flow_logs):
                    for copy in range(case.copies):
                        uri = _object(copy, log, int(str(row["end"])))
                        yield {**row, **lacking, "object_uri": uri}


def _rows(case: Case, talk: Talk) -> Iterator[Row]:
    for nth in range(talk.tries):
        first = talk.began_s + 5 * nth
        last = first + talk.lasts_s
        at = max(first, talk.first_seen_s, -_INTERVAL_S)
        begins = at
        while at <= min(last, DAY_S + _INTERVAL_S):
            until = min(at // _INTERVAL_S * _INTERVAL_S + _INTERVAL_S - 1, last)
            yield from _interval(case, talk, at, until, at == first, until == last, at == begins)
            at = until + 1


def _interval(
    case: Case, talk: Talk, at: int, until: int, is_first: bool, is_last: bool, is_awaking: bool
) -> Iterator[Row]:
    """The records of one interval: what the side that began sent, and what came back."""
    share = (until - at + 1) / (talk.lasts_s + 1)
    there = talk.crafted if talk.crafted is not None else SYN * is_first
    if talk.crafted is None and is_last and talk.fate == "answered":
        there |= FIN
    if talk.crafted is not None and talk.fate == "answered" and not is_awaking:
        there = 0  # one crafted packet is enough
    back = RST if talk.fate == "refused" else SYN_ACK * is_first | FIN * is_last
    by_peer = talk.began != "subject"
    lag = talk.answer_after_s if is_first or is_awaking else 0
    near, far = ("peer", "subject") if by_peer else ("subject", "peer")
    for observer in ("subject", "peer"):
        if observer == "peer" and not (talk.at_peer_too and talk.is_inside):
            continue
        if talk.fate == "blocked near" and not (observer == "subject"):
            continue  # a rule at the subject's own interface: the peer's sees what it sent itself
        is_rejected = talk.fate == "blocked near" or (
            talk.fate == "blocked far" and observer == far
        )
        yield _row(case, talk, observer, near == "subject", at - min(lag, 0), until,
                   int(talk.out * share), there, is_rejected)  # fmt: skip
        if not talk.is_one_sided and at + max(lag, 0) <= until:
            yield _row(case, talk, observer, near != "subject", at + max(lag, 0), until,
                       int(talk.back * share), back, False)  # fmt: skip


def _row(
    case: Case, talk: Talk, observer: str, is_out: bool, at: int, until: int, payload: int,
    flags: int, is_rejected: bool,
) -> Row:  # fmt: skip
    own, peer = case.address(1), case.address(talk.peer)
    packet_own = case.address(2) if talk.from_secondary else own
    # AWS: at its own interface a secondary address stands in pkt-srcaddr and pkt-dstaddr only.
    outer_own = own if observer == "subject" else packet_own
    ends, packet = (outer_own, peer), (packet_own, peer)
    ports = (talk.subject_port, talk.peer_port)
    if not is_out:
        ends, packet, ports = ends[::-1], packet[::-1], ports[::-1]
    packets = payload // 1_400 + 1
    is_own = observer == "subject"
    interfaces = {
        "subject": f"eni-{case.number:08x}",
        "peer": f"eni-{case.number:06x}{talk.peer:02x}f",
    }
    start, end = MIDNIGHT + at, MIDNIGHT + max(at, until)
    row: Row = {
        "role": "own_interface" if is_own else "other_end", "interface_id": interfaces[observer],
        "instance_id": f"i-{interfaces[observer][4:]}", "vpc_id": "vpc-0aaaaaaa",
        "flow_direction": "egress" if is_own == is_out else "ingress", "protocol": talk.protocol,
        "srcaddr": ends[0], "dstaddr": ends[1], "srcport": ports[0], "dstport": ports[1],
        "pkt_srcaddr": packet[0], "pkt_dstaddr": packet[1],
        "action": "REJECT" if is_rejected else "ACCEPT", "log_status": "OK",
        "tcp_flags": flags if talk.protocol == TCP else 0, "packets": packets,
        "bytes": payload + packets * ((40 if case.is_v6 else 20) + _HEADERS.get(talk.protocol, 0)),
        "start": start, "end": end, "start_at": datetime.fromtimestamp(start, UTC),
        "end_at": datetime.fromtimestamp(end, UTC),
    }  # fmt: skip
    for name, is_subjects in (("src", is_out), ("dst", not is_out)):
        is_inside = is_subjects or talk.is_inside
        row |= {
            f"{name}_ring": "own vpc" if is_inside else "internet",
            f"{name}_scope": "internal" if is_inside else "internet",
            f"{name}_basis": "interface" if is_subjects == is_own else "address",
            f"{name}_interface_id": (
                interfaces["subject" if is_subjects else "peer"] if is_inside else None
            ),
        }
        row |= {f"pkt_{name}_{key}": row[f"{name}_{key}"] for key in ("ring", "scope")}
    return row


def _object(copy: int, log: int, end: int) -> str:
    slot = datetime.fromtimestamp(end // 300 * 300, UTC)
    return (
        f"s3://b/{'replica/' * copy}111122223333_vpcflowlogs_eu-west-1_fl-0aaaaaa{log}_"
        f"{slot:%Y%m%dT%H%MZ}_0.log.gz"
    )

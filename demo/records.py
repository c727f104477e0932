"""Events → flow records, as the interfaces on the way would log them, in the text of a format."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from demo.events import S3_ADDRESS, Event
from demo.vpc import ACCOUNT_ID, REGION, Interface

# AWS, "Flow log records": the order of the version 5 example.
VERSION_5 = (
    "version srcaddr dstaddr srcport dstport protocol start end type packets bytes account-id "
    "vpc-id subnet-id instance-id interface-id region az-id sublocation-type sublocation-id action "
    "tcp-flags pkt-srcaddr pkt-dstaddr pkt-src-aws-service pkt-dst-aws-service traffic-path "
    "flow-direction log-status"
)
VERSION_2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status"
)
# Nitro instances: an aggregation interval lasts at most a minute.
INTERVAL = 60
_FIN, _SYN, _SYN_ACK = 1, 2, 18
_OVERHEAD = 40  # octets of IPv4 and TCP headers of a packet
_SEGMENT = 1400


class Record(NamedTuple):
    """One row at one interface; `start` and `end` in Unix seconds."""

    interface: Interface
    start: int
    end: int
    source: str
    target: str
    source_port: int
    target_port: int
    protocol: int
    packets: int
    octets: int
    action: str
    flags: int
    packet_source: str
    packet_target: str
    is_egress: bool


class _Slice(NamedTuple):
    """The part of an event that falls into one aggregation interval."""

    start: int
    end: int
    is_first: bool
    is_last: bool
    share: float


def records_of(event: Event, midnight: datetime) -> Iterator[Record]:
    """Every row of an event: each direction, at each interface it passed, by interval."""
    for part in _slices(event, midnight):
        if isinstance(event.source, Interface):
            yield from _at_source(event, part, event.source)
        if event.through is not None and isinstance(event.source, Interface):
            yield from _at_nat_gateway(event, part, event.source, event.through)
        if isinstance(event.target, Interface):
            yield from _at_target(event, part, event.target)


def _slices(event: Event, midnight: datetime) -> Iterator[_Slice]:
    first = int(midnight.timestamp() + event.at)
    last = int(midnight.timestamp() + event.at + event.seconds)
    start = first
    while start <= last:
        end = min(start // INTERVAL * INTERVAL + INTERVAL - 1, last)
        share = (end - start + 1) / (last - first + 1)
        yield _Slice(start, end, start == first, end == last, share)
        start = end + 1


def _at_source(event: Event, part: _Slice, interface: Interface) -> Iterator[Record]:
    source, target = interface.address, _address(event.target)
    yield _forward(event, part, interface, source, target, is_egress=True)
    if event.fate == "accepted":
        yield _back(event, part, interface, target, source, is_egress=False)


def _at_target(event: Event, part: _Slice, interface: Interface) -> Iterator[Record]:
    source, target = _address(event.source), interface.address
    forward = _forward(event, part, interface, source, target, is_egress=False)
    if event.fate == "rejected":
        yield forward._replace(action="REJECT")
        return
    yield forward
    yield _back(event, part, interface, target, source, is_egress=True)


def _at_nat_gateway(
    event: Event, part: _Slice, inside: Interface, gateway: Interface
) -> Iterator[Record]:
    """Four rows: both directions of both legs; `pkt_*` shows what the gateway rewrote."""
    own, remote = gateway.address, _address(event.target)
    leg = _forward(event, part, gateway, inside.address, own, is_egress=False)
    yield leg._replace(packet_target=remote)
    yield _forward(event, part, gateway, own, remote, is_egress=True)
    yield _back(event, part, gateway, remote, own, is_egress=False)
    leg = _back(event, part, gateway, own, inside.address, is_egress=True)
    yield leg._replace(packet_source=remote)


def _forward(
    event: Event, part: _Slice, interface: Interface, source: str, target: str, *, is_egress: bool
) -> Record:
    flags = _SYN * part.is_first | _FIN * (part.is_last and event.fate == "accepted")
    packets, octets = _volume(event.octets_out, part)
    return Record(
        interface, part.start, part.end, source, target, event.source_port, event.target_port,
        event.protocol, packets, octets, "ACCEPT", flags, source, target, is_egress,
    )  # fmt: skip


def _back(
    event: Event, part: _Slice, interface: Interface, source: str, target: str, *, is_egress: bool
) -> Record:
    flags = _SYN_ACK * part.is_first | _FIN * part.is_last
    packets, octets = _volume(event.octets_back, part)
    return Record(
        interface, part.start, part.end, source, target, event.target_port, event.source_port,
        event.protocol, packets, octets, "ACCEPT", flags, source, target, is_egress,
    )  # fmt: skip


def _volume(payload: int, part: _Slice) -> tuple[int, int]:
    octets = int(payload * part.share)
    packets = octets // _SEGMENT + 1 + part.is_first
    return packets, octets + packets * _OVERHEAD


def _address(end: Interface | str) -> str:
    return end if isinstance(end, str) else end.address


def version_5_line(record: Record) -> str:
    """A record in the version 5 format."""
    at = record.interface
    services = (_service(record.packet_source), _service(record.packet_target))
    path = _path(record) if record.is_egress else "-"
    return (
        f"5 {record.source} {record.target} {record.source_port} {record.target_port} "
        f"{record.protocol} {record.start} {record.end} IPv4 {record.packets} {record.octets} "
        f"{ACCOUNT_ID} {at.vpc_id} {at.subnet_id} {at.instance_id or '-'} {at.interface_id} "
        f"{REGION} euw1-az1 - - {record.action} {record.flags} {record.packet_source} "
        f"{record.packet_target} {services[0]} {services[1]} {path} "
        f"{'egress' if record.is_egress else 'ingress'} OK"
    )


def version_5_empty(at: Interface, start: int, end: int, status: str) -> str:
    """A NODATA or SKIPDATA row in the version 5 format."""
    return (
        f"5 - - - - - {start} {end} - - - {ACCOUNT_ID} {at.vpc_id} {at.subnet_id} "
        f"{at.instance_id or '-'} {at.interface_id} {REGION} euw1-az1 - - - - - - - - - - {status}"
    )


def version_2_line(record: Record) -> str:
    """A record in the default format."""
    return (
        f"2 {ACCOUNT_ID} {record.interface.interface_id} {record.source} {record.target} "
        f"{record.source_port} {record.target_port} {record.protocol} {record.packets} "
        f"{record.octets} {record.start} {record.end} {record.action} OK"
    )


def version_2_empty(at: Interface, start: int, end: int, status: str) -> str:
    """A NODATA or SKIPDATA row in the default format."""
    return f"2 {ACCOUNT_ID} {at.interface_id} - - - - - - - {start} {end} - {status}"


def _service(address: str) -> str:
    return "S3" if address == S3_ADDRESS else "-"


def _path(record: Record) -> str:
    """traffic-path: 1 inside the VPC, 7 the gateway endpoint, 8 the internet gateway."""
    if record.packet_target.startswith("10."):
        return "1"
    return "7" if record.packet_target == S3_ADDRESS else "8"


def slot_of(second: int) -> datetime:
    """The five-minute slot whose objects hold records that end at this second."""
    return datetime.fromtimestamp(second // 300 * 300, UTC)

"""Days of a VPC of 500 machines for the benchmarks, any number of them, the same at every call.

Each machine talks to eight others and to addresses outside; a conversation leaves a record for each
direction at each end that is inside. So one machine is in one record of 125.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

FIRST_DAY = datetime(2026, 10, 1, tzinfo=UTC)
MACHINES, PEERS, OUTSIDE = 500, 8, 2_000
HEADER = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start "
    "end action log-status vpc-id subnet-id instance-id tcp-flags pkt-srcaddr pkt-dstaddr "
    "flow-direction"
)
_ACCOUNT, _REGION, _VPC = "111122223333", "eu-west-1", "vpc-0a0a0a0a0a0a0a0a0"
_SLOTS = 288
_PORTS = np.array([22, 53, 80, 443, 5432, 6379, 8080, 9092])


class Machine(NamedTuple):
    """One machine: its instance, its interface, its address."""

    instance_id: str
    interface_id: str
    address: str


def machines() -> list[Machine]:
    """All of them, in the order of their addresses as numbers."""
    chance = random.Random(5)
    return [
        Machine(
            f"i-{chance.getrandbits(68):017x}", f"eni-{chance.getrandbits(68):017x}",
            f"10.0.{at // 250}.{at % 250 + 1}",
        )
        for at in range(MACHINES)
    ]  # fmt: skip


def write_day(folder: Path, day: int, lines: int) -> int:
    """The objects of a day, one for each five minutes; returns their octets."""
    known = machines()
    chance = np.random.default_rng(day)
    peers = np.random.default_rng(0).integers(1, MACHINES, (MACHINES, PEERS))
    at = FIRST_DAY + timedelta(days=day)
    below = folder / f"AWSLogs/{_ACCOUNT}/vpcflowlogs/{_REGION}/{at:%Y/%m/%d}"
    below.mkdir(parents=True)
    octets = 0
    for slot in range(_SLOTS):
        begin = at + timedelta(minutes=5 * slot)
        text = _slot(known, peers, chance, int(begin.timestamp()), lines // _SLOTS // 3)
        name = (
            f"{_ACCOUNT}_vpcflowlogs_{_REGION}_fl-0123456789abcdef0_{begin:%Y%m%dT%H%M}Z_0a.log.gz"
        )
        data = igzip.compress(HEADER.encode() + b"\n" + text, 3)
        (below / name).write_bytes(data)
        octets += len(data)
    return octets


def _slot(
    known: Sequence[Machine],
    peers: np.ndarray,
    chance: np.random.Generator,
    start: int,
    number: int,
) -> bytes:
    """Conversations inside leave four records, those with the outside two."""
    client = chance.integers(0, MACHINES, number)
    is_inside = chance.random(number) < 0.5
    peer = peers[client, chance.integers(0, PEERS, number)]
    peer = np.where(is_inside, (client + peer) % MACHINES, 0)
    far = chance.integers(0, OUTSIDE, number)
    address = pa.array([each.address for each in known])
    outside = pa.array([f"198.51.{at // 250}.{at % 250 + 1}" for at in range(OUTSIDE)])
    near, other = (address.take(pa.array(each)) for each in (client, peer))
    other = pc.if_else(pa.array(is_inside), other, outside.take(pa.array(far)))
    client_port = chance.integers(32_768, 61_000, number)
    port = _PORTS[chance.integers(0, len(_PORTS), number)]
    packets = chance.lognormal(1.5, 1.0, number).astype(np.int64) + 1
    begin = start + 60 * chance.integers(0, 5, number) + client % 7
    end = begin + 58
    parts: list[pa.Array] = []
    interfaces: list[np.ndarray] = []
    for seen_by, where in ((client, np.ones(number, bool)), (peer, is_inside)):
        for is_out in (True, False):
            mask = pa.array(where)
            ends = (near, other) if is_out else (other, near)
            ports = (client_port, port) if is_out else (port, client_port)
            leaves = is_out == (seen_by is client)
            lines = _lines(known, seen_by, ends, ports, packets, begin, end, leaves)
            parts.append(lines.filter(mask))
            interfaces.append(seen_by[where])
    order = np.argsort(np.concatenate(interfaces), kind="stable")  # as AWS writes: by interface
    ordered = pa.concat_arrays(parts).take(pa.array(order))
    return ("\n".join(ordered.to_pylist()) + "\n").encode()


def _lines(
    known: Sequence[Machine], seen_by: np.ndarray, ends: Sequence[pa.Array],
    ports: Sequence[np.ndarray], packets: np.ndarray, begin: np.ndarray, end: np.ndarray,
    leaves: bool,
) -> pa.Array:  # fmt: skip
    def named(names: Sequence[str]) -> pa.Array:
        return pa.array(names).take(pa.array(seen_by))

    def text(numbers: np.ndarray) -> pa.Array:
        return pa.array(numbers).cast(pa.string())

    return pc.binary_join_element_wise(
        f"5 {_ACCOUNT}", named([each.interface_id for each in known]), *ends,
        *map(text, ports), "6", text(packets), text(packets * 120), text(begin), text(end),
        f"ACCEPT OK {_VPC} subnet-0b0b0b0b0b0b0b0b0", named([each.instance_id for each in known]),
        "19", *ends, "egress" if leaves else "ingress", " ",
    )  # fmt: skip

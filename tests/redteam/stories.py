"""Hostile conversations with known truth, inside random days: what an attacker may choose.

A case is a subject with a few conversations. The truth is written by what makes the records; it is
never read from them, and knows nothing of the rules that are tried.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Side = Literal["subject", "peer", "nobody"]
Fate = Literal["silence", "blocked near", "blocked far", "refused", "answered"]
Format = Literal["full", "no flags", "version 2", "no counts"]

MIDNIGHT = 1_795_392_000  # 2026-11-23 00:00:00 UTC
DAY_S = 3_600
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
KNOWN = (22, 53, 80, 88, 123, 161, 389, 443, 445, 1433, 3306, 3389, 5432, 8080)
FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18


@dataclass(frozen=True)
class Talk:
    """One conversation. `out` and `back` are payload from and to the side that began.

    `began_s` may lie before the window, at 0. `crafted` are flags of the attacker's packets that
    no honest stack sends; None for an honest handshake. `peer` is a number: below 100 inside.
    """

    began: Side
    protocol: int
    subject_port: int
    peer_port: int
    peer: int
    began_s: int
    lasts_s: int = 1
    fate: Fate = "answered"
    out: int = 60
    back: int = 60
    answer_after_s: int = 0
    first_seen_s: int = 0
    crafted: int | None = None
    at_peer_too: bool = False
    from_secondary: bool = False
    tries: int = 1

    @property
    def is_inside(self) -> bool:
        """Whether the peer is an address of the own VPC."""
        return self.peer < 100

    @property
    def is_one_sided(self) -> bool:
        """Whether only the side that began sent anything."""
        return self.fate in ("silence", "blocked near", "blocked far")

    @property
    def looks_like_a_reply(self) -> bool:
        """Whether each of its packets has the flags of an answer."""
        return self.crafted is not None and (
            self.crafted & SYN_ACK == SYN_ACK or self.crafted == RST
        )


@dataclass(frozen=True)
class Case:
    """A subject's day: ordinary conversations and a hostile one, as one flow log records them."""

    number: int
    family: str
    hostile: Talk
    ordinary: tuple[Talk, ...] = ()
    fields: Format = "full"
    is_v6: bool = False
    copies: int = 1
    flow_logs: int = 1

    @property
    def talks(self) -> tuple[Talk, ...]:
        """All of them, the hostile one first."""
        return (self.hostile, *self.ordinary)

    def address(self, host: int) -> str:
        """Of the subject (1, secondary 2) or of a peer; no two cases share one."""
        if host >= 100:
            where = f"{self.number >> 8}.{self.number & 255}.{host - 100}"
            return f"2600:{self.number:x}::{host:x}" if self.is_v6 else f"52.{where}"
        if self.is_v6:
            return f"fd00:{self.number:x}::{host:x}"
        return f"10.{self.number >> 8}.{self.number & 255}.{host}"


def port(rng: random.Random) -> int:
    """A port as an attacker would choose it."""
    return rng.choice(
        [rng.choice(KNOWN), rng.randrange(1, 1024), rng.randrange(1024, 32768),
         rng.randrange(32768, 65536)]
    )  # fmt: skip


def _probe(rng: random.Random) -> Talk:
    """Packets of any kind to which nothing comes back."""
    protocol = rng.choice([TCP, TCP, TCP, UDP, UDP, ICMP, 47, 50, 132])
    flags = rng.choice(
        [0, FIN, SYN, SYN | FIN, RST, SYN | RST, FIN | RST, SYN_ACK, SYN_ACK | FIN, None]
    )
    return Talk(
        "subject", protocol, port(rng), port(rng), 10, rng.randrange(0, DAY_S - 1),
        rng.choice([1, 1, 30, 200]),
        rng.choice(["silence", "silence", "blocked near", "blocked far"]),
        rng.choice([0, 60, 1400, 100_000]), 0,
        crafted=flags if protocol == TCP else None, tries=rng.choice([1, 1, 3]),
    )  # fmt: skip


def _session(rng: random.Random) -> Talk:
    """A connection that was answered, from and to any port."""
    protocol = rng.choice([TCP, TCP, UDP, UDP, ICMP, 47])
    return Talk(
        "subject", protocol, port(rng), port(rng), 10, rng.randrange(0, DAY_S - 1),
        rng.choice([1, 20, 90, 900]), "answered",
        rng.choice([0, 40, 3_000, 10**6]), rng.choice([0, 40, 3_000, 10**6]),
        answer_after_s=rng.choice([0, 0, 1, 3]),
    )  # fmt: skip


def _refused(rng: random.Random) -> Talk:
    return replace(_session(rng), protocol=TCP, fate="refused", back=0, lasts_s=1)


def _older(rng: random.Random) -> Talk:
    """Begun before the window, so that no record shows how."""
    before = rng.randrange(61, 5_000)
    return replace(_session(rng), protocol=rng.choice([TCP, TCP, UDP]), began_s=-before,
                   lasts_s=before + rng.randrange(1, 900), answer_after_s=0)  # fmt: skip


def _older_with_crafted_reply(rng: random.Random) -> Talk:
    """As before; the attacker adds one packet with the flags of an answer."""
    return replace(_older(rng), protocol=TCP, crafted=SYN_ACK)


def _awakened(rng: random.Random) -> Talk:
    """Begun before the window, silent, then the peer speaks first."""
    older = _older(rng)
    return replace(older, first_seen_s=rng.randrange(300, 2_000), answer_after_s=-3,
                   lasts_s=2_100 - older.began_s)  # fmt: skip


Family = Callable[[random.Random], Talk]
FAMILIES: dict[str, Family] = {
    "probe": _probe,
    "session": _session,
    "refused": _refused,
    "at the edge": lambda rng: replace(
        rng.choice([_probe, _session])(rng), began_s=rng.choice([0, 0, 1, 59, DAY_S - 2, DAY_S - 1])
    ),
    "after a rejected try of the peer": _session,
    "among many clients of its port": _session,
    "with a crafted answer": lambda rng: replace(
        _session(rng), protocol=TCP, crafted=SYN_ACK, answer_after_s=0
    ),
    "older than the window": _older,
    "older, with a crafted answer": _older_with_crafted_reply,
    "older, awakened by the peer": _awakened,
}  # fmt: skip


def _ordinary(rng: random.Random, case: Talk, family: str) -> Iterator[Talk]:
    """What else there is: clients of the subject, noise, and what the family needs."""
    for peer in range(20, 20 + rng.choice([0, 1, 3])):
        yield Talk("peer", TCP, 443, rng.randrange(32768, 61000),
                   rng.choice([peer, peer + 100]), rng.randrange(0, 3_000),
                   rng.choice([1, 70]), "answered", 900, 3_000)  # fmt: skip
    for peer in range(30, 30 + rng.choice([0, 0, 2])):
        yield Talk("peer", TCP, rng.choice([22, 23]), port(rng), peer + 100,
                   rng.randrange(3_000), 1, "blocked near", 0, 0)  # fmt: skip
    if rng.random() < 0.3:  # backscatter: an answer to what somebody else sent in this name
        yield Talk("nobody", TCP, port(rng), 80, 140, rng.randrange(3_000), 1, "silence", 0, 0,
                   crafted=rng.choice([SYN_ACK, RST]))  # fmt: skip
    if family == "after a rejected try of the peer":
        gap = rng.choice([-100, -30, 20])
        yield replace(case, began="peer", fate="blocked near", lasts_s=1, out=0, back=0, tries=1,
                      began_s=max(0, case.began_s + gap), answer_after_s=0)  # fmt: skip
    if family == "among many clients of its port":
        for peer in range(50, 55):
            yield Talk("peer", case.protocol, case.subject_port, rng.randrange(32768, 61000), peer,
                       rng.randrange(0, 3_000), 2, "answered", 900, 3_000)  # fmt: skip


def case_of(seed: int, number: int) -> Case:
    """The case of this number; the same seed and number give the same case."""
    rng = random.Random(f"{seed} {number}")
    family = rng.choice(sorted(FAMILIES))
    is_v6 = rng.random() < 0.25
    hostile = FAMILIES[family](rng)
    if is_v6 and hostile.protocol == ICMP:
        hostile = replace(hostile, protocol=ICMP6)
    if hostile.protocol not in (TCP, UDP):
        hostile = replace(hostile, subject_port=0, peer_port=0)
    hostile = replace(hostile, at_peer_too=rng.random() < 0.4,
                      from_secondary=not is_v6 and rng.random() < 0.1)  # fmt: skip
    ordinary = tuple(_ordinary(rng, hostile, family))
    fields: Sequence[Format] = ["full", "full", "no flags", "version 2", "no counts"]
    return Case(number, family, hostile, ordinary, rng.choice(fields), is_v6,
                rng.choice([1, 1, 1, 3]), rng.choice([1, 1, 1, 2]))  # fmt: skip

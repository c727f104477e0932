"""What a finding claims, and whether the records show it: the first question of a case."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Literal, NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.window import LONGEST_INTERVAL, LONGEST_LAG, Window

Verdict = Literal["confirmed", "not seen", "not covered"]
CONFIRMED: Verdict = "confirmed"
NOT_SEEN: Verdict = "not seen"
NOT_COVERED: Verdict = "not covered"

PROTOCOL_NUMBERS = {"ICMP": 1, "TCP": 6, "UDP": 17, "GRE": 47, "ESP": 50, "ICMPV6": 58, "SCTP": 132}
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOL_NUMBERS.items()}
_REMOTE_SIDES = (
    (("srcaddr", "pkt_srcaddr"), "srcport", "dstport"),
    (("dstaddr", "pkt_dstaddr"), "dstport", "srcport"),
)


class Claim(NamedTuple):
    """One connection that a finding speaks of; null where it does not say.

    `direction` is INBOUND, OUTBOUND or UNKNOWN, as the instance sees it. `remote` is canonical.
    """

    action: str
    direction: str = "UNKNOWN"
    protocol: int | None = None
    local_port: int | None = None
    remote: str | None = None
    remote_port: int | None = None
    domain: str | None = None

    def __str__(self) -> str:
        if self.action == "DNS_REQUEST":
            return f"a DNS request for {self.domain or 'a name'}"
        what = _PROTOCOL_NAMES.get(self.protocol or 0, "a connection")
        at_port = f" at port {self.local_port}" if self.local_port is not None else ""
        to_port = f" port {self.remote_port}" if self.remote_port is not None else ""
        if self.action == "AWS_API_CALL":
            return f"an AWS API call from {self.remote}"
        if self.direction == "INBOUND":
            return f"{what} from {self.remote}{at_port}"
        if self.direction == "OUTBOUND":
            return f"{what} to {self.remote}{to_port}"
        return f"{what} with {self.remote}{to_port}{at_port}"


class Sighting(NamedTuple):
    """What the flows hold of one claim."""

    records: int
    rejected: int
    first_at: datetime | None
    last_at: datetime | None
    of_remote: int
    of_family: int
    at_the_time: int


class ClaimAnswer(NamedTuple):
    """A claim, the verdict on it, and why as a sentence."""

    claim: Claim
    verdict: Verdict
    sentence: str
    sighting: Sighting


def claim_columns(claims: Sequence[Claim], first_s: int, last_s: int) -> list[Column]:
    """Aggregates over the subject's flows (rows of `schemas.FLOWS` with a role), for `sightings`.

    `first_s` and `last_s` are Unix seconds: when GuardDuty saw it first and last.
    """
    longest = int((LONGEST_INTERVAL + LONGEST_LAG).total_seconds())
    is_at_the_time = (F.coalesce("end", "start") >= first_s - longest) & (
        F.coalesce("start", "end") <= last_s + longest
    )
    columns = [F.count_if(is_at_the_time).alias("at_the_time")]
    for number, claim in enumerate(claims):
        is_claimed, is_remote = _matches(claim), _is_remote(claim)
        family = "%:%" if claim.remote and ":" in claim.remote else "%.%"
        columns += [
            F.count_if(is_claimed).alias(f"records_{number}"),
            F.count_if(is_claimed & (F.col("action") == "REJECT")).alias(f"rejected_{number}"),
            F.min(F.when(is_claimed, F.coalesce("start", "end"))).alias(f"first_{number}"),
            F.max(F.when(is_claimed, F.coalesce("end", "start"))).alias(f"last_{number}"),
            F.count_if(is_remote).alias(f"of_remote_{number}"),
            F.count_if(F.col("srcaddr").like(family)).alias(f"of_family_{number}"),
        ]
    return columns


def sightings(claims: Sequence[Claim], counted: dict[str, int | None]) -> list[Sighting]:
    """The aggregates of `claim_columns`, by claim."""
    return [
        Sighting(
            records=counted[f"records_{number}"] or 0,
            rejected=counted[f"rejected_{number}"] or 0,
            first_at=_moment(counted[f"first_{number}"]),
            last_at=_moment(counted[f"last_{number}"]),
            of_remote=counted[f"of_remote_{number}"] or 0,
            of_family=counted[f"of_family_{number}"] or 0,
            at_the_time=counted["at_the_time"] or 0,
        )
        for number in range(len(claims))
    ]


def with_claimed(flows: DataFrame, claim: Claim) -> DataFrame:
    """Keep the flows that a claim speaks of."""
    return flows.where(_matches(claim))


def judge(
    claim: Claim,
    sighting: Sighting,
    *,
    window: Window,
    first_seen: datetime,
    last_seen: datetime,
    coverage: str | None = None,
) -> ClaimAnswer:
    """The verdict on a claim; `coverage` is FULL, PARTIAL or NONE, None when nobody judged it.

    What is seen is confirmed, whatever the coverage; what is not seen counts as not seen only where
    the records would show it. AWS, "Flow log limitations": queries to Amazon's DNS are not logged.
    """

    def answer(verdict: Verdict, sentence: str) -> ClaimAnswer:
        return ClaimAnswer(claim, verdict, sentence, sighting)

    if claim.action == "DNS_REQUEST":
        return answer(NOT_COVERED, "flow logs hold no query to Amazon's resolver")
    if sighting.records and claim.action != "AWS_API_CALL":
        return answer(CONFIRMED, _seen(sighting))
    if claim.action == "AWS_API_CALL":
        seen = f"; {sighting.of_remote:,} flow records are with that address"
        return answer(NOT_COVERED, f"an API call is in CloudTrail, not in flow logs{seen}")
    if claim.remote is None:
        return answer(NOT_COVERED, "the finding names no address that a flow could have")
    if first_seen >= window.to_at or last_seen < window.from_at:
        return answer(NOT_COVERED, "the window leaves out the time of the finding")
    other = (
        f"; {sighting.of_remote:,} records are with that address, on other ports"
        if sighting.of_remote
        else ""
    )
    if not sighting.at_the_time:
        return answer(NOT_COVERED, f"no record of the subject is from the finding's time{other}")
    if not sighting.of_family:
        family = "IPv6" if ":" in claim.remote else "IPv4"
        return answer(NOT_COVERED, f"no {family} record of the subject was found at all{other}")
    if coverage in ("PARTIAL", "NONE"):
        return answer(NOT_COVERED, f"no record shows it, but coverage is {coverage}{other}")
    unjudged = "" if coverage else " (coverage was not judged)"
    return answer(NOT_SEEN, f"no record of the window shows it{unjudged}{other}")


def _seen(sighting: Sighting) -> str:
    rejected = f", {sighting.rejected:,} of them rejected" if sighting.rejected else ""
    return (
        f"{sighting.records:,} records from {_shown(sighting.first_at)} "
        f"to {_shown(sighting.last_at)} UTC{rejected}"
    )


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "?"


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)


def _is_remote(claim: Claim) -> Column:
    addresses = [column for columns, _, _ in _REMOTE_SIDES for column in columns]
    return F.coalesce(
        reduce(or_, (F.col(a) == F.lit(claim.remote) for a in addresses)), F.lit(False)
    )


def _matches(claim: Claim) -> Column:
    """Remote address on one side, and the service's port on the side that serves.

    The other port is chosen anew for each connection, and a finding keeps one of many. Where the
    direction is not said, either port will do.
    """
    return F.coalesce(reduce(or_, (_at_side(claim, *side) for side in _REMOTE_SIDES)), F.lit(False))


def _at_side(claim: Claim, addresses: Sequence[str], remote_port: str, local_port: str) -> Column:
    test: Column = reduce(or_, (F.col(address) == F.lit(claim.remote) for address in addresses))
    if claim.protocol is not None:
        test &= F.col("protocol") == claim.protocol
    ports: list[Column] = []
    if claim.local_port is not None and claim.direction != "OUTBOUND":
        ports.append(F.col(local_port) == claim.local_port)
    if claim.remote_port is not None and claim.direction != "INBOUND":
        ports.append(F.col(remote_port) == claim.remote_port)
    return test & reduce(or_, ports) if ports else test

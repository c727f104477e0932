"""What went through transit gateways: rows of `transit` → one passage per peer and service.

A VPC without a flow log is silent about what reached it. The gateway in front of it is not: an
attempt that left through an attachment is seen there, and whether anything came back.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.network.protocols import service_name
from transforms.vocabulary import Initiator
from transforms.wording import count_of

PASSAGES_SHOWN = 5
_LOST = "packets_lost_no_route packets_lost_blackhole packets_lost_mtu_exceeded \
packets_lost_ttl_expired".split()


class Passage(NamedTuple):
    """What the subject and one peer sent each other through a gateway, at one service.

    `packets_…` are None where the format does not record them; `records_in` then tells whether
    anything came back. `port` is that of the side that did not begin, None where this is unknown.
    """

    peer: str
    protocol: int | None
    port: int | None
    initiator: str
    vpc_id: str | None
    account_id: str | None
    attachment_id: str | None
    connections: int
    records_out: int
    records_in: int
    packets_out: int | None
    packets_in: int | None
    packets_lost: int
    first_at: datetime | None
    last_at: datetime | None

    @property
    def is_subjects(self) -> bool:
        """Whether the subject sent, and it is not certain that the peer began."""
        return self.records_out > 0 and self.initiator != Initiator.PEER


def passages_of(transit: DataFrame) -> DataFrame:
    """A row per `Passage`, first ones first, of rows of the table `transit` with a side.

    Each packet is recorded where it enters the gateway and where it leaves: the attachment with the
    most of them counts. Who began is as certain as one side alone, a SYN or a SYN-ACK makes it.
    """
    began = "CASE initiator WHEN 'subject' THEN peer_port WHEN 'peer' THEN own_port END AS port"
    return (
        _connections(transit).selectExpr("*", began)
        .groupBy("peer", "protocol", "port", "initiator", "vpc_id")
        .agg(
            F.max("account_id").alias("account_id"),
            F.max("near_id").alias("attachment_id"),
            F.count("*").alias("connections"),
            *(F.expr(_known_sum(name, "true")).alias(name) for name in _MOST),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
        )
        .select(*Passage._fields)
        .orderBy("first_at", "peer", "port")
    )  # fmt: skip


def _connections(transit: DataFrame) -> DataFrame:
    """A row per 5-tuple and VPC of the other end, with who began."""
    is_out = "side = 'src'"
    return (
        transit.where("side IS NOT NULL AND srcaddr IS NOT NULL AND dstaddr IS NOT NULL")
        .dropDuplicates(_SAME)  # copies of an object
        .selectExpr(
            f"{is_out} AS is_out",
            f"IF({is_out}, srcaddr, dstaddr) AS own",
            f"IF({is_out}, srcport, dstport) AS own_port",
            f"IF({is_out}, dstaddr, srcaddr) AS peer",
            f"IF({is_out}, dstport, srcport) AS peer_port",
            "protocol",
            f"IF({is_out}, tgw_dst_vpc_id, tgw_src_vpc_id) AS vpc_id",
            f"IF({is_out}, tgw_dst_vpc_account_id, tgw_src_vpc_account_id) AS account_id",
            # the attachment at which the subject's packets come into the gateway
            f"IF({is_out} = (flow_direction = 'egress'), tgw_pair_attachment_id, "
            "IF(flow_direction IS NULL, NULL, tgw_attachment_id)) AS near_id",
            "tgw_attachment_id",
            "packets",
            "start_at",
            "end_at",
            "protocol <=> 6 AS is_tcp",
            "tcp_flags",
            f"{' + '.join(f'coalesce({name}, 0)' for name in _LOST)} AS lost",
        )
        .groupBy("own", "own_port", "peer", "peer_port", "protocol", "vpc_id", "tgw_attachment_id")
        .agg(*_sums(), F.max("near_id").alias("near_id"), F.max("account_id").alias("account_id"))
        .groupBy("own", "own_port", "peer", "peer_port", "protocol", "vpc_id")
        .agg(
            F.max("near_id").alias("near_id"),
            F.max("account_id").alias("account_id"),
            *(F.max(name).alias(name) for name in ("records_out", "records_in", "packets_lost")),
            *(F.expr(_packets(way)).alias(f"packets_{way}") for way in ("out", "in")),
            *(F.bool_or(name).alias(name) for name in _SEEN),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
        )
        .selectExpr("*", f"{_INITIATOR} AS initiator")
    )


_SAME = [
    "tgw_attachment_id",
    "flow_direction",
    "srcaddr",
    "srcport",
    "dstaddr",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "tcp_flags",
    "start",
    "end",
]
_MOST = ("records_out", "records_in", "packets_out", "packets_in", "packets_lost")
_SEEN = ("syn_out", "syn_in", "asked_out", "asked_in", "other_out", "other_in")
# Of flags that are OR-ed over an interval: 2 without 16 is a SYN alone, 18 has a SYN-ACK in it.
_INITIATOR = """CASE
    WHEN asked_out AND NOT asked_in THEN 'peer'
    WHEN asked_in AND NOT asked_out THEN 'subject'
    WHEN records_in = 0 AND other_out THEN 'subject'
    WHEN records_out = 0 AND other_in THEN 'peer'
    WHEN syn_out AND NOT syn_in THEN 'subject'
    WHEN syn_in AND NOT syn_out THEN 'peer'
    ELSE 'unknown' END"""


def _known_sum(column: str, condition: str) -> str:
    """SQL text: the sum where the condition holds; null as soon as one of the values is unknown."""
    unknown = f"count_if({condition} AND {column} IS NULL)"
    return f"IF({unknown} > 0, NULL, sum(IF({condition}, {column}, NULL)))"


def _packets(way: str) -> str:
    """SQL text: the packets of the attachment that saw most; null where no record says how many."""
    return f"IF(max(records_{way}) = 0, 0, max(packets_{way}))"


def _sums() -> list[Column]:
    def any_of(condition: str) -> Column:
        return F.expr(f"coalesce(bool_or({condition}), false)")

    is_asked = "is_tcp AND (tcp_flags & 18) <=> 18"
    is_syn = "is_tcp AND (tcp_flags & 18) <=> 2"
    is_reset = "is_tcp AND (tcp_flags & 7) <=> 4"
    return [
        F.expr("count_if(is_out)").alias("records_out"),
        F.expr("count_if(NOT is_out)").alias("records_in"),
        F.expr(_known_sum("packets", "is_out")).alias("packets_out"),
        F.expr(_known_sum("packets", "NOT is_out")).alias("packets_in"),
        F.sum("lost").alias("packets_lost"),
        any_of(f"is_out AND {is_syn}").alias("syn_out"),
        any_of(f"NOT is_out AND {is_syn}").alias("syn_in"),
        any_of(f"is_out AND {is_asked}").alias("asked_out"),
        any_of(f"NOT is_out AND {is_asked}").alias("asked_in"),
        # resets alone may be an answer to what the gateway did not record
        any_of(f"is_out AND NOT ({is_reset})").alias("other_out"),
        any_of(f"NOT is_out AND NOT ({is_reset})").alias("other_in"),
        F.min("start_at").alias("first_at"),
        F.max("end_at").alias("last_at"),
    ]


def transit_lines(
    passages: Sequence[Passage], recorded_vpcs: frozenset[str], *, are_all: bool = True
) -> Iterator[str]:
    """The passages in the summary: what went where no flow log of this run looks, by name.

    `recorded_vpcs` are those with an interface among the flows. Without `are_all` there are more
    passages than these.
    """
    if not passages:
        return
    own = [passage for passage in passages if passage.is_subjects]
    unseen = [passage for passage in own if passage.vpc_id not in recorded_vpcs]
    more = "" if are_all else "at least "
    yield (
        f"Transit     {more}{_counted(passages)} of the subject passed a transit gateway; "
        f"{_counted(own)} that the peer did not begin, {_counted(unseen)} of them to where no "
        "flow log of this run looks"
    )
    for passage in unseen[:PASSAGES_SHOWN]:
        yield f"  - {_told(passage)}"
    if len(unseen) > PASSAGES_SHOWN:
        yield f"  … and {len(unseen) - PASSAGES_SHOWN:,} more: all are in the table transit"


def _counted(passages: Sequence[Passage]) -> str:
    connections = sum(passage.connections for passage in passages)
    return count_of(connections, "connection", "connections")


def _told(passage: Passage) -> str:
    where = passage.vpc_id or "no VPC (VPN, Direct Connect or peering)"
    account = f" of account {passage.account_id}" if passage.account_id else ""
    through = f" through {passage.attachment_id}" if passage.attachment_id else ""
    service = service_name(passage.protocol, passage.port)
    at = f", {passage.first_at:%Y-%m-%d %H:%M:%S} UTC" if passage.first_at else ""
    lost = f", {passage.packets_lost:,} packets lost on the way" if passage.packets_lost else ""
    unsure = "" if passage.initiator == Initiator.SUBJECT else ", who began is unknown"
    return (
        f"{passage.peer} {service}{through} to {where}{account}: {_amount(passage)}{lost}{at}"
        f"{unsure}"
    )


def _amount(passage: Passage) -> str:
    if passage.records_in == 0:
        came = "nothing came back"
    elif passage.packets_in is None:
        came = "something came back"
    else:
        came = f"{passage.packets_in:,} came back"
    sent = "sent" if passage.packets_out is None else f"{passage.packets_out:,} packets sent"
    return f"{sent}, {came}"

"""Flow records → one row per record and side: which end is the subject's, and who recorded it."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.columns import with_texts
from transforms.network.addresses import address_literal
from transforms.vocabulary import ring_rank

TUPLE = ("protocol", "subject_address", "subject_port", "peer", "peer_port")

# The ends are those of the packet where the record has them: so both legs at a NAT gateway, and a
# secondary address behind its interface's first, fall into the 5-tuple that the ends know.
_SRC, _DST = "coalesce(pkt_srcaddr, srcaddr)", "coalesce(pkt_dstaddr, dstaddr)"
# SQL texts of TUPLE and of the interval's bounds, for a record with its `is_out`.
OF_TUPLE = {
    "protocol": "protocol",
    "subject_address": f"IF(is_out, {_SRC}, {_DST})",
    "subject_port": "coalesce(IF(is_out, srcport, dstport), 0)",
    "peer": f"IF(is_out, {_DST}, {_SRC})",
    "peer_port": "coalesce(IF(is_out, dstport, srcport), 0)",
}
FIRST_S, LAST_S = "coalesce(start, `end`)", "coalesce(`end`, start)"

# No interface carries as much in one interval (600 s at 400 Gbit/s: 3e13 octets). A record that
# claims more counts as this much: sums stay in 64 bits; `flows` keeps what was written.
_MOST_PACKETS, _MOST_BYTES = 10**12, 10**14

HAS_ENDS = "srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND role IS NOT NULL"


def quoted(addresses: Sequence[str]) -> str:
    """SQL text: a list of address literals; anything else than an address is refused."""
    return ", ".join(map(address_literal, addresses)) or "NULL"


def is_out(listed: str) -> str:
    """SQL text: whether a record is away from the subject; null where that cannot be told."""
    return f"""
        CASE WHEN {_SRC} IN ({listed}) THEN true WHEN {_DST} IN ({listed}) THEN false
             WHEN srcaddr IN ({listed}) THEN true WHEN dstaddr IN ({listed}) THEN false
             WHEN role <> 'own_interface' THEN NULL
             WHEN flow_direction IS NOT NULL THEN flow_direction = 'egress'
             WHEN src_basis = 'interface' THEN true WHEN dst_basis = 'interface' THEN false END
    """


def with_the_subjects_side(flows: DataFrame, listed: str) -> DataFrame:
    """Add `is_out`: away from the subject; drops records whose own end cannot be told."""
    return with_texts(flows, {"is_out": is_out(listed)}).where("is_out IS NOT NULL")


def with_each_side(flows: DataFrame, listed: str) -> DataFrame:
    """A row for each end that is listed, else for the interface's, with `is_out` and its `role`.

    The interface is the end's own where labels say so, else where the direction does; AWS: the
    source of egress and the destination of ingress are the interface's.
    """
    of_src = f"coalesce({_SRC} IN ({listed}) OR srcaddr IN ({listed}), false)"
    of_dst = f"coalesce({_DST} IN ({listed}) OR dstaddr IN ({listed}), false)"
    sides = f"""
        filter(IF({of_src} AND {of_dst}, array(true, false), array({is_out(listed)})),
               side -> side IS NOT NULL)"""
    near, far = (
        f"IF(is_out, {one}_interface_id, {other}_interface_id)"
        for one, other in (("src", "dst"), ("dst", "src"))
    )
    role = f"""
        CASE WHEN role <> 'own_interface' THEN role
             WHEN {near} IS NOT NULL THEN IF({near} = interface_id, role, 'other_end')
             WHEN {far} = interface_id THEN 'other_end'
             WHEN flow_direction IS NOT NULL
                 THEN IF((flow_direction = 'egress') = is_out, role, 'other_end')
             ELSE role END"""
    return flows.withColumn("is_out", F.explode(F.expr(sides))).withColumn("role", F.expr(role))


# Of the last part of the name only: folders are anybody's.
_FLOW_LOG_ID = (
    "regexp_extract(substring_index(object_uri, '/', -1), '(?:^|_)(fl-[0-9a-f]+)(?:_|[.]|$)', 1)"
)
# A record says ACCEPT or REJECT; any other word is no acceptance. Formats may have no such field.
IS_REJECTED = "coalesce(upper(action) <> 'ACCEPT', false)"


def from_that_side(sided: DataFrame) -> DataFrame:
    """One row per record and side, with the columns that conversations are made of."""
    # The label speaks of the address in the header; it counts when the packet has the same.
    is_peer_named = f"(IF(is_out, dstaddr, srcaddr) = {OF_TUPLE['peer']})"
    labels = {
        f"peer_{name}": f"IF({is_peer_named}, IF(is_out, dst_{name}, src_{name}), NULL)"
        for name in ("name", "interface_id", "instance_id", "subnet_name", "vpc_name")
    }
    texts = {
        **OF_TUPLE,
        **labels,
        "is_out": "is_out",
        "ring_rank": ring_rank(_ring(is_peer_named)),
        "peer_aws_service": "IF(is_out, pkt_dst_aws_service, pkt_src_aws_service)",
        "is_blind_leg": _IS_BLIND_LEG,
        "role": "role",
        "point": _POINT.format(is_peer_named=is_peer_named),
        "interface_id": "interface_id",
        "flow_log_id": _FLOW_LOG_ID,
        "source": "xxhash64(object_uri)",
        "start_s": FIRST_S,
        "end_s": LAST_S,
        "is_rejected": IS_REJECTED,
        "tcp_flags": "IF(protocol = 6, tcp_flags, NULL)",
        "packets": f"IF(packets > {_MOST_PACKETS}, {_MOST_PACKETS}, packets)",
        "bytes": f"IF(bytes > {_MOST_BYTES}, {_MOST_BYTES}, bytes)",
    }
    return sided.selectExpr(*(f"{text} AS {name}" for name, text in texts.items()))


def _ring(is_peer_named: str) -> str:
    """SQL text: the ring of the peer, of the packet's own address where it is not the outer one."""
    named = f"IF({is_peer_named}, IF(is_out, dst_ring, src_ring), NULL)"
    return f"coalesce({named}, IF(is_out, pkt_dst_ring, pkt_src_ring))"


_IS_BLIND_LEG = "(pkt_srcaddr IS NULL AND interface_name LIKE 'Interface for NAT Gateway%')"
_FAR = "IF(is_out, dst_interface_id, src_interface_id)"
# A middle interface rewrote the address, or is not the one that owns the peer's address.
_POINT = f"""
    CASE WHEN role = 'own_interface' THEN 'subject'
         WHEN role = 'behind' OR NOT {{is_peer_named}} OR {_IS_BLIND_LEG} THEN 'middle'
         WHEN {_FAR} IS NOT NULL THEN IF({_FAR} = interface_id, 'peer', 'middle')
         WHEN instance_id IS NULL AND vpc_id IS NOT NULL THEN 'middle'
         ELSE 'peer' END
"""

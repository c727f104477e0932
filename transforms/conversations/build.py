"""Flow records → conversations: what two ends did, however many interfaces and logs saw it.

One shuffle by 5-tuple carries it: sessions are cut by a window over the 5-tuple, then summed per
observer (one interface in one flow log), then over observers.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from transforms.conversations.outcome import Rules, with_initiator, with_outcome
from transforms.network.addresses import address_literal

CONVERSATIONS_VERSION = "1"
_TUPLE = ("protocol", "subject_address", "subject_port", "peer", "peer_port")

# No interface carries as much in one interval (600 s at 400 Gbit/s: 3e13 octets). A record that
# claims more counts as this much: sums stay in 64 bits; `flows` keeps what was written.
_MOST_PACKETS, _MOST_BYTES = 10**12, 10**14

# Private ranges of transforms.network.addresses, for packet addresses, which labels do not name.
_PRIVATE = (
    r"^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|169\\.254\\.|f[cd]|fe[89ab]"
    r"|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.)"
)


def survey(flows: DataFrame) -> DataFrame:
    """One row: what the records carry, and the 99th percentile of their length in seconds."""
    has_traffic = F.col("srcaddr").isNotNull() & F.col("dstaddr").isNotNull()
    return flows.where(has_traffic).agg(
        F.count("*").alias("records"),
        F.coalesce(F.expr("percentile_approx(`end` - start, 0.99)"), F.lit(0)).alias("p99_s"),
        F.expr("count_if(tcp_flags IS NOT NULL)").alias("with_flags"),
        F.expr("count_if(pkt_srcaddr IS NOT NULL)").alias("with_packet_addresses"),
        F.expr("count_if(flow_direction IS NOT NULL)").alias("with_direction"),
        F.expr("count_if(action = 'REJECT')").alias("rejects"),
        F.expr("count_if(role = 'own_interface')").alias("own_records"),
    )


def aggregation_of(p99_s: int) -> int:
    """The aggregation interval: 60 or 600 s. AWS: at most 60 s on Nitro instances."""
    return 60 if p99_s <= 61 else 600


def conversations_of(
    flows: DataFrame,
    addresses: Sequence[str],
    rules: Rules,
    *,
    hop: int = 1,
    are_several: bool = False,
) -> DataFrame:
    """Rows of `schemas.CONVERSATIONS` without `run_id`; each record with traffic is in one of them.

    Records without known addresses, and those whose own end cannot be told (no known address, no
    direction, no label of the interface), are in none. Where the addresses `are_several` machines',
    what two of them did with each other is there from either side.
    """
    sided = _with_each_side if are_several else _with_the_subjects_side
    seen = flows.where("srcaddr IS NOT NULL AND dstaddr IS NOT NULL AND role IS NOT NULL")
    seen = seen.transform(sided, _quoted(addresses)).transform(_from_that_side)
    sessions = seen.transform(_in_sessions, rules.gap_s).transform(_by_observer)
    return (
        sessions.transform(_over_observers)
        .transform(with_initiator, rules)
        .transform(with_outcome, rules)
        .withColumn("hop", F.lit(hop))
    )


# The ends are those of the packet where the record has them: so both legs at a NAT gateway, and a
# secondary address behind its interface's first, fall into the 5-tuple that the ends know.
_SRC, _DST = "coalesce(pkt_srcaddr, srcaddr)", "coalesce(pkt_dstaddr, dstaddr)"


def _quoted(addresses: Sequence[str]) -> str:
    return ", ".join(map(address_literal, addresses)) or "NULL"


def _is_out(listed: str) -> str:
    """SQL text: whether a record is away from the subject; null where that cannot be told."""
    return f"""
        CASE WHEN {_SRC} IN ({listed}) THEN true WHEN {_DST} IN ({listed}) THEN false
             WHEN srcaddr IN ({listed}) THEN true WHEN dstaddr IN ({listed}) THEN false
             WHEN role <> 'own_interface' THEN NULL
             WHEN flow_direction IS NOT NULL THEN flow_direction = 'egress'
             WHEN src_basis = 'interface' THEN true WHEN dst_basis = 'interface' THEN false END
    """


def _with_the_subjects_side(flows: DataFrame, listed: str) -> DataFrame:
    """Add `is_out`: away from the subject; drops records whose own end cannot be told."""
    return flows.withColumn("is_out", F.expr(_is_out(listed))).where("is_out IS NOT NULL")


def _with_each_side(flows: DataFrame, listed: str) -> DataFrame:
    """A row for each end that is listed, else for the interface's, with `is_out` and its `role`.

    The interface is the end's own where labels say so, else where the direction does; AWS: the
    source of egress and the destination of ingress are the interface's.
    """
    of_src = f"coalesce({_SRC} IN ({listed}) OR srcaddr IN ({listed}), false)"
    of_dst = f"coalesce({_DST} IN ({listed}) OR dstaddr IN ({listed}), false)"
    sides = f"""
        filter(IF({of_src} AND {of_dst}, array(true, false), array({_is_out(listed)})),
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


def _from_that_side(sided: DataFrame) -> DataFrame:
    """One row per record and side, with the columns that conversations are made of."""
    src, dst = _SRC, _DST
    # The label speaks of the address in the header; it counts when the packet has the same.
    is_peer_named = "IF(is_out, dstaddr, srcaddr) = peer"

    def label(name: str) -> str:
        return f"IF({is_peer_named}, IF(is_out, dst_{name}, src_{name}), NULL)"

    return (
        sided.withColumn("peer", F.expr(f"IF(is_out, {dst}, {src})"))
        .select(
            "protocol",
            F.expr(f"IF(is_out, {src}, {dst})").alias("subject_address"),
            F.expr("coalesce(IF(is_out, srcport, dstport), 0)").alias("subject_port"),
            "peer",
            F.expr("coalesce(IF(is_out, dstport, srcport), 0)").alias("peer_port"),
            "is_out",
            *(
                F.expr(label(name)).alias(f"peer_{name}")
                for name in ("name", "interface_id", "instance_id", "subnet_name", "vpc_name")
            ),
            F.expr(f"{label('scope')}").alias("peer_scope"),
            F.expr("IF(is_out, pkt_dst_aws_service, pkt_src_aws_service)").alias(
                "peer_aws_service"
            ),
            F.expr("IF(is_out, dst_interface_id, src_interface_id)").alias("far_interface_id"),
            F.expr(f"role = 'behind' OR NOT ({is_peer_named})").alias("is_rewritten"),
            F.expr(
                "pkt_srcaddr IS NULL AND interface_name LIKE 'Interface for NAT Gateway%'"
            ).alias("is_blind_leg"),
            "role",
            "interface_id",
            F.expr("instance_id IS NULL AND vpc_id IS NOT NULL").alias("is_managed"),
            F.expr("regexp_extract(object_uri, '(fl-[0-9a-f]+)', 1)").alias("flow_log_id"),
            F.expr("coalesce(start, `end`)").alias("start_s"),
            F.expr("coalesce(`end`, start)").alias("end_s"),
            F.expr("coalesce(action = 'REJECT', false)").alias("is_rejected"),
            "tcp_flags",
            F.expr(f"least(coalesce(packets, 0), {_MOST_PACKETS})").alias("packets"),
            F.expr(f"least(coalesce(bytes, 0), {_MOST_BYTES})").alias("bytes"),
        )
        .withColumn("point", F.expr(_POINT))
    )


# A middle interface rewrote the address, or is not the one that owns the peer's address.
_POINT = """
    CASE WHEN role = 'own_interface' THEN 'subject'
         WHEN is_rewritten OR is_blind_leg THEN 'middle'
         WHEN far_interface_id IS NOT NULL THEN
             IF(far_interface_id = interface_id, 'peer', 'middle')
         WHEN is_managed THEN 'middle'
         ELSE 'peer' END
"""


def _in_sessions(seen: DataFrame, gap_s: int) -> DataFrame:
    """Add `session`: it grows where a 5-tuple was silent for longer than the gap."""
    in_order = Window.partitionBy(*_TUPLE).orderBy("start_s", "end_s")
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    is_new = F.col("start_s") - F.max("end_s").over(before) > gap_s
    return (
        seen.withColumn("is_new", F.coalesce(is_new, F.lit(False)).cast("int"))
        .withColumn(
            "session", F.sum("is_new").over(in_order.rangeBetween(Window.unboundedPreceding, 0))
        )
        .drop("is_new")
    )


def _by_observer(sessions: DataFrame) -> DataFrame:
    """One row per session and observer: an interface in one flow log."""

    def total(column: str, condition: str) -> Column:
        return F.expr(f"sum(IF({condition}, {column}, 0))")

    accepted = "NOT is_rejected"
    syn, synack = "coalesce(tcp_flags & 18, 0) = 2", "coalesce(tcp_flags & 18, 0) = 18"
    return sessions.groupBy(*_TUPLE, "session", "point", "interface_id", "flow_log_id").agg(
        *(
            F.max(f"peer_{name}").alias(f"peer_{name}")
            for name in "name interface_id instance_id subnet_name vpc_name aws_service".split()
        ),
        F.max("peer_scope").alias("peer_scope"),
        F.expr("bool_or(is_blind_leg)").alias("is_blind_leg"),
        F.min("start_s").alias("first_s"),
        F.max("end_s").alias("last_s"),
        F.count("*").alias("records"),
        total("packets", f"is_out AND {accepted}").alias("packets_out"),
        total("packets", f"NOT is_out AND {accepted}").alias("packets_in"),
        total("bytes", f"is_out AND {accepted}").alias("bytes_out"),
        total("bytes", f"NOT is_out AND {accepted}").alias("bytes_in"),
        F.expr("count_if(is_out)").alias("records_out"),
        F.expr("count_if(NOT is_out)").alias("records_in"),
        F.expr("count_if(is_out AND is_rejected)").alias("rejects_out"),
        F.expr("count_if(NOT is_out AND is_rejected)").alias("rejects_in"),
        F.expr("min(IF(is_out, start_s, NULL))").alias("first_out_s"),
        F.expr("min(IF(NOT is_out, start_s, NULL))").alias("first_in_s"),
        F.expr(f"min(IF(is_out AND {syn}, start_s, NULL))").alias("syn_out_s"),
        F.expr(f"min(IF(NOT is_out AND {syn}, start_s, NULL))").alias("syn_in_s"),
        F.expr(f"count_if(is_out AND {synack} AND {accepted})").alias("synacks_out"),
        F.expr(f"count_if(NOT is_out AND {synack} AND {accepted})").alias("synacks_in"),
        F.expr(f"count_if(is_out AND tcp_flags & 4 = 4 AND {accepted})").alias("resets_out"),
        F.expr(f"count_if(NOT is_out AND tcp_flags & 4 = 4 AND {accepted})").alias("resets_in"),
    )


_RANK = "CASE point WHEN 'subject' THEN 0 WHEN 'peer' THEN 1 ELSE 2 END"


def _over_observers(observed: DataFrame) -> DataFrame:
    """One row per session. Volumes are those of one observer, the nearest to the subject.

    Among equally near ones it is the one that saw most: a second flow log may have begun later.
    """
    counter = F.expr(
        f"""min(named_struct('rank', {_RANK}, 'less', -(bytes_out + bytes_in), 'id', interface_id,
            'log', flow_log_id, 'point', point, 'packets_out', packets_out,
            'packets_in', packets_in, 'bytes_out', bytes_out, 'bytes_in', bytes_in))"""
    )
    sums = "records records_out records_in synacks_out synacks_in resets_out resets_in"
    sessions = observed.groupBy(*_TUPLE, "session").agg(
        *(
            F.max(f"peer_{name}").alias(f"peer_{name}")
            for name in "name interface_id instance_id subnet_name vpc_name aws_service".split()
        ),
        F.max("peer_scope").alias("_scope"),
        F.expr("bool_and(is_blind_leg)").alias("is_blind"),
        F.min("first_s").alias("first_s"),
        F.max("last_s").alias("last_s"),
        *(F.sum(name).alias(name) for name in sums.split()),
        *(
            F.expr(f"sum(IF(point = 'subject', rejects_{way}, 0))").alias(f"near_rejects_{way}")
            for way in ("out", "in")
        ),
        *(
            F.expr(f"sum(IF(point <> 'subject', rejects_{way}, 0))").alias(f"far_rejects_{way}")
            for way in ("out", "in")
        ),
        *(F.min(name).alias(name) for name in "first_out_s first_in_s syn_out_s syn_in_s".split()),
        *(F.max(f"packets_{way}").alias(f"most_packets_{way}") for way in ("out", "in")),
        F.array_sort(F.collect_set("point")).alias("points"),
        counter.alias("counter"),
    )
    scope = f"""
        CASE WHEN is_blind THEN 'middle box' WHEN _scope IS NOT NULL THEN _scope
             WHEN peer_aws_service IS NOT NULL THEN 'aws service'
             WHEN peer RLIKE '{_PRIVATE}' THEN 'internal' ELSE 'internet' END
    """
    return (
        sessions.withColumn("peer_scope", F.expr(scope))
        .withColumn("observation_point", F.col("counter.point"))
        .withColumn("observed_at", F.col("counter.id"))
        .select(
            "*",
            *(f"counter.{name}" for name in "packets_out packets_in bytes_out bytes_in".split()),
        )
        .drop("counter", "_scope", "is_blind")
    )

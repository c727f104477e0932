"""Who the subject talked to: attempts by peer and service port."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_SYN, _SYN_ACK = 2, 18

# Ports by which one machine is entered or emptied from another: remote administration, file
# sharing, directories, databases, cluster control, mail.
SERVICES_THAT_MATTER = (
    22, 23, 135, 3389, 5900, 5985, 5986,
    139, 445, 873, 2049,
    88, 389, 464, 636, 3268, 3269,
    1433, 1434, *range(1521, 1527), 3306, 5432, *range(6379, 6384), 9042, 9200, 9300, 11211,
    *range(27017, 27020),
    2375, 2376, 2379, 2380, 6443, 8443, 8500, 10250,
    25,
)  # fmt: skip


def internal_peers(flows: DataFrame, addresses: Sequence[str]) -> DataFrame:
    """One row per internal peer, service port, protocol and side that started it.

    An attempt is one 5-tuple, whatever number of records, directions and interfaces it was seen in.
    It is rejected when any interface rejected a record of it, and accepted otherwise: the subject's
    own interface accepts what the peer's then rejects. It is answered when both directions were
    seen. The side that sent a SYN without ACK started it; without such a record, the side whose
    packets were rejected; without either, the side with the higher port. Flows whose own end cannot
    be told (no known address, no flow_direction) are left out.
    """
    return (
        flows.transform(_from_the_subjects_side, addresses)
        .where((F.col("peer_scope") == "internal") & F.col("peer").isNotNull())
        .transform(_attempts)
        .groupBy("peer", "peer_name", "peer_subnet_name", "protocol", "service_port", "started_by")
        .agg(
            F.count_if(~F.col("is_rejected")).alias("accepted"),
            F.count_if(F.col("is_rejected")).alias("rejected"),
            F.count_if("is_answered").alias("answered"),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
        )
    )


def ranked(peers: DataFrame) -> DataFrame:
    """Peers as they are shown: one row per named peer, unnamed ones together by subnet and service.

    In the order in which a responder asks: what the subject began, at services that matter, with an
    answer, then with rejections. `addresses` counts the peers of a row; `peer` is null for several.
    """
    matters = F.col("service_port").isin(*SERVICES_THAT_MATTER)
    return (
        peers.withColumn("peer_shown", F.expr("IF(peer_name IS NULL, NULL, peer)"))
        .groupBy(
            "peer_name", "peer_shown", "peer_subnet_name", "protocol", "service_port", "started_by"
        )
        .agg(
            F.countDistinct("peer").alias("addresses"),
            F.expr("IF(count(DISTINCT peer) = 1, first(peer), NULL)").alias("peer"),
            *(F.sum(count).alias(count) for count in ("accepted", "rejected", "answered")),
            F.min("first_at").alias("first_at"),
            F.max("last_at").alias("last_at"),
        )
        .orderBy(
            F.col("started_by").desc(),
            matters.desc(),
            (F.col("answered") > 0).desc(),
            F.col("rejected").desc(),
            F.col("answered").desc(),
            "peer_name",
            "peer",
            "service_port",
        )
    )


def _from_the_subjects_side(flows: DataFrame, addresses: Sequence[str]) -> DataFrame:
    at_own_interface = F.col("role") == "own_interface"
    direction = F.col("flow_direction")
    is_src = F.col("srcaddr").isin(*addresses)
    is_dst = F.col("dstaddr").isin(*addresses)
    is_out = F.when(is_src, True).when(is_dst, False)
    is_out = F.coalesce(is_out, F.when(at_own_interface, direction == "egress"))
    starts = F.col("tcp_flags").bitwiseAND(_SYN_ACK) == _SYN
    return (
        flows.withColumn("is_out", is_out)
        .select(
            "protocol",
            "is_out",
            F.expr("IF(is_out, srcaddr, dstaddr)").alias("own"),
            F.expr("IF(is_out, srcport, dstport)").alias("own_port"),
            F.expr("IF(is_out, dstaddr, srcaddr)").alias("peer"),
            F.expr("IF(is_out, dstport, srcport)").alias("peer_port"),
            F.expr("IF(is_out, dst_name, src_name)").alias("peer_name"),
            F.expr("IF(is_out, dst_subnet_name, src_subnet_name)").alias("peer_subnet_name"),
            F.expr("IF(is_out, dst_scope, src_scope)").alias("peer_scope"),
            F.expr("action = 'REJECT'").alias("is_rejected"),
            starts.alias("has_syn"),
            F.coalesce("start_at", "end_at").alias("start_at"),
            F.coalesce("end_at", "start_at").alias("end_at"),
        )
        .where("is_out IS NOT NULL")
    )


def _attempts(seen: DataFrame) -> DataFrame:
    """One row per 5-tuple; `started_by` is subject or peer."""
    syn_out = F.bool_or(F.col("has_syn") & F.col("is_out"))
    syn_in = F.bool_or(F.col("has_syn") & ~F.col("is_out"))
    rejected_out = F.bool_or(F.col("is_rejected") & F.col("is_out"))
    rejected_in = F.bool_or(F.col("is_rejected") & ~F.col("is_out"))
    by_subject = (
        F.when(syn_out, True)
        .when(syn_in, False)
        .when(rejected_out, True)
        .when(rejected_in, False)
        .otherwise(F.col("own_port") >= F.col("peer_port"))
    )
    attempts = seen.groupBy("protocol", "own", "own_port", "peer", "peer_port").agg(
        F.max("peer_name").alias("peer_name"),
        F.max("peer_subnet_name").alias("peer_subnet_name"),
        F.coalesce(F.bool_or("is_rejected"), F.lit(False)).alias("is_rejected"),
        (F.bool_or("is_out") & F.bool_or(~F.col("is_out"))).alias("is_answered"),
        by_subject.alias("by_subject"),
        F.min("start_at").alias("first_at"),
        F.max("end_at").alias("last_at"),
    )
    return attempts.select(
        "*",
        F.expr("IF(by_subject, peer_port, own_port)").alias("service_port"),
        F.expr("IF(by_subject, 'subject', 'peer')").alias("started_by"),
    )

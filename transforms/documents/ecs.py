"""Flows in the Elastic Common Schema, for people whose dashboards expect it.

The names are those of ECS 8.11 and of the `aws.vpcflow` fields beside it; what neither knows
stands below `labels`. `network.community_id` is not made.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.conversations.members import OF_CONVERSATION
from transforms.utc import utc_text

# IANA numbers whose names ECS uses; other protocols keep their number alone.
_TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 58: "ipv6-icmp", 132: "sctp"}
_TCP_FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg")
_ECS_TASK = (
    "ecs_cluster_arn ecs_cluster_name ecs_container_instance_arn ecs_container_instance_id "
    "ecs_container_id ecs_second_container_id ecs_service_name ecs_task_definition_arn "
    "ecs_task_arn ecs_task_id"
).split()
_LABELS = (
    "record_id run_id role object_uri object_line interface_name vpc_name subnet_name src_name "
    "src_instance_id src_subnet_name src_vpc_name src_ring src_basis dst_name dst_instance_id "
    "dst_subnet_name dst_vpc_name dst_ring dst_basis"
).split() + list(OF_CONVERSATION)


def to_ecs(flows: DataFrame) -> DataFrame:
    """One row per flow: `document_id`, then the fields; `@timestamp` is the interval's end."""
    return flows.select(
        F.col("record_id").alias("document_id"),
        utc_text(F.coalesce("end_at", "start_at")).alias("@timestamp"),
        F.struct(F.lit("8.11.0").alias("version")).alias("ecs"),
        F.struct(
            F.col("srcaddr").alias("ip"), F.col("srcport").alias("port"), "bytes", "packets"
        ).alias("source"),
        F.struct(F.col("dstaddr").alias("ip"), F.col("dstport").alias("port")).alias("destination"),
        _network().alias("network"),
        _event().alias("event"),
        F.struct(
            F.lit("aws").alias("provider"),
            F.struct(F.col("account_id").alias("id")).alias("account"),
            "region",
            F.col("az_id").alias("availability_zone"),
            F.struct(F.col("instance_id").alias("id"), F.col("instance_name").alias("name")).alias(
                "instance"
            ),
        ).alias("cloud"),
        F.struct(_vpcflow().alias("vpcflow")).alias("aws"),
        F.struct(*_LABELS).alias("labels"),
    )


def _network() -> Column:
    transport = F.lit(None).cast("string")
    for number, name in _TRANSPORTS.items():
        transport = F.when(F.col("protocol") == number, name).otherwise(transport)
    return F.struct(
        F.col("protocol").cast("string").alias("iana_number"),
        transport.alias("transport"),
        F.lower("type").alias("type"),
        "bytes",
        "packets",
        F.col("flow_direction").alias("direction"),
    )


def _event() -> Column:
    is_accepted, is_rejected = F.col("action") == "ACCEPT", F.col("action") == "REJECT"
    connection, denied = F.lit("connection"), F.lit("denied")
    return F.struct(
        F.lit("event").alias("kind"),
        F.array(F.lit("network")).alias("category"),
        F.when(is_rejected, F.array(connection, denied))
        .otherwise(F.array(connection))
        .alias("type"),
        F.lower("action").alias("action"),
        F.when(is_accepted, "success").when(is_rejected, "failure").alias("outcome"),
        F.col("reject_reason").alias("reason"),
        utc_text(F.col("start_at")).alias("start"),
        utc_text(F.col("end_at")).alias("end"),
    )


def _vpcflow() -> Column:
    flags = F.filter(
        F.array(
            *(
                F.when(F.col("tcp_flags").bitwiseAND(1 << bit) != 0, name)
                for bit, name in enumerate(_TCP_FLAGS)
            )
        ),
        lambda name: name.isNotNull(),
    )
    return F.struct(
        "version",
        "interface_id",
        "vpc_id",
        "subnet_id",
        "tcp_flags",
        F.when(F.col("tcp_flags").isNotNull(), flags).alias("tcp_flags_array"),
        "pkt_srcaddr",
        "pkt_dstaddr",
        F.col("pkt_src_aws_service").alias("pkt_src_service"),
        F.col("pkt_dst_aws_service").alias("pkt_dst_service"),
        "traffic_path",
        "log_status",
        F.struct(
            F.col("sublocation_type").alias("type"), F.col("sublocation_id").alias("id")
        ).alias("sublocation"),
        *_ECS_TASK,
    )

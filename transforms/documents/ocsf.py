"""Flows as OCSF Network Activity (class 4001), the shape of Amazon Security Lake.

The packet's own address is the endpoint; an address that a middle box put in its place is
intermediate. What OCSF has no place for stands below `unmapped`.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.conversations.members import OF_CONVERSATION

_UNMAPPED = (
    "record_id run_id role object_uri object_line reject_reason type sublocation_type "
    "sublocation_id resource_id encryption_status interface_name vpc_name subnet_name "
    "instance_name src_name src_subnet_name src_vpc_name src_ring src_basis dst_name "
    "dst_subnet_name dst_vpc_name dst_ring dst_basis"
).split() + list(OF_CONVERSATION)
_INTERFACE = {
    "interface_uid": "interface_id",
    "vpc_uid": "vpc_id",
    "subnet_uid": "subnet_id",
    "instance_uid": "instance_id",
}
_IS_ACCEPTED, _IS_REJECTED = "action = 'ACCEPT'", "action = 'REJECT'"


def to_ocsf(flows: DataFrame) -> DataFrame:
    """One row per flow: `document_id`, then the attributes; times are Unix milliseconds.

    A record without traffic (NODATA, SKIPDATA) is activity 0, Unknown. The interface belongs to
    the source on egress and to the destination on ingress; without a direction it is unmapped.
    """
    return flows.select(
        F.col("record_id").alias("document_id"),
        (F.col("start") * 1000).alias("time"),
        (F.col("start") * 1000).alias("start_time"),
        (F.col("end") * 1000).alias("end_time"),
        F.lit(4).alias("category_uid"),
        F.lit(4001).alias("class_uid"),
        _by_action(6, 5, 0).alias("activity_id"),
        _by_action(400106, 400105, 400100).alias("type_uid"),
        _by_action(1, 2, 0).alias("action_id"),
        _by_action(1, 2, 0).alias("disposition_id"),
        F.lit(1).alias("severity_id"),
        F.col("log_status").alias("status_code"),
        _endpoint("src", "egress").alias("src_endpoint"),
        _endpoint("dst", "ingress").alias("dst_endpoint"),
        _connection().alias("connection_info"),
        F.struct("packets", "bytes").alias("traffic"),
        F.struct(
            F.lit("AWS").alias("provider"),
            F.struct(F.col("account_id").alias("uid")).alias("account"),
            "region",
            F.col("az_id").alias("zone"),
        ).alias("cloud"),
        F.struct(
            F.lit("1.1.0").alias("version"),
            F.struct(
                F.lit("Amazon VPC").alias("name"),
                F.lit("AWS").alias("vendor_name"),
                F.struct(F.lit("Flowlogs").alias("name")).alias("feature"),
                F.col("version").cast("string").alias("version"),
            ).alias("product"),
        ).alias("metadata"),
        F.struct(
            *_UNMAPPED,
            *(
                F.expr(f"IF(flow_direction IS NULL, {column}, NULL)").alias(column)
                for column in _INTERFACE.values()
            ),
        ).alias("unmapped"),
    )


def _by_action(accepted: int, rejected: int, otherwise: int) -> Column:
    return F.expr(
        f"CASE WHEN {_IS_ACCEPTED} THEN {accepted} WHEN {_IS_REJECTED} THEN {rejected} "
        f"ELSE {otherwise} END"
    )


def _endpoint(end: str, own_direction: str) -> Column:
    address, packet = F.col(f"{end}addr"), F.col(f"pkt_{end}addr")
    return F.struct(
        F.coalesce(packet, address).alias("ip"),
        F.when(packet != address, F.array(address)).alias("intermediate_ips"),
        F.col(f"{end}port").alias("port"),
        F.col(f"pkt_{end}_aws_service").alias("svc_name"),
        *(
            F.when(F.col("flow_direction") == own_direction, F.col(column)).alias(attribute)
            for attribute, column in _INTERFACE.items()
        ),
    )


def _connection() -> Column:
    return F.struct(
        F.col("protocol").alias("protocol_num"),
        F.expr("CASE type WHEN 'IPv4' THEN 4 WHEN 'IPv6' THEN 6 END").alias("protocol_ver_id"),
        "tcp_flags",
        F.expr("CASE flow_direction WHEN 'ingress' THEN 1 WHEN 'egress' THEN 2 ELSE 0 END").alias(
            "direction_id"
        ),
        # AWS's traffic-path 1 to 8 are OCSF's boundaries 4 to 11.
        F.expr(
            "CASE WHEN traffic_path BETWEEN 1 AND 8 THEN traffic_path + 3 "
            "WHEN traffic_path IS NOT NULL THEN 99 END"
        ).alias("boundary_id"),
    )

"""Put names beside the ids of every flow. Lookups have one row per key, so no join adds a row."""

from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.addresses import bucket_of, is_private, key_of
from transforms.schemas import LABEL_COLUMNS

# What naming looks at, of a flow record.
_NEEDED = (
    "interface_id vpc_id subnet_id instance_id srcaddr dstaddr pkt_srcaddr pkt_dstaddr "
    "pkt_src_aws_service pkt_dst_aws_service start end"
).split()

_AT = "coalesce(start, end)"
_IS_VALID = f"""(v.valid_from IS NULL OR v.valid_from <= {_AT})
            AND (v.valid_to IS NULL OR {_AT} < v.valid_to)"""


class Lookups(NamedTuple):
    """Frames of `label_tables.NAMES`, OWNERS and NETWORKS, each with one row per key."""

    names: DataFrame
    owners: DataFrame
    networks: DataFrame


def label_with(flows: DataFrame, lookups: Lookups) -> DataFrame:
    """Add the columns of `schemas.LABELS` and `record_vpc_id`; keeps every flow exactly once.

    `record_vpc_id` is the VPC of the interface: the record's own word, else the label's. A label
    counts for a flow when it was valid at the flow's start.
    """
    # The rest of the record travels as one value: copying 60 columns at each of two dozen steps
    # costs more than the lookups.
    narrow = flows.select(*_NEEDED, F.struct("*").alias("_flow"))
    flows = (
        narrow.transform(_look_up, lookups.names, "interface_id", "_interface")
        .withColumn("record_vpc_id", F.expr("coalesce(vpc_id, _interface.vpc_id)"))
        .withColumn("_subnet_id", F.expr("coalesce(subnet_id, _interface.subnet_id)"))
        .withColumn("_instance_id", F.expr("coalesce(instance_id, _interface.instance_id)"))
        .transform(_look_up, lookups.names, "record_vpc_id", "_vpc")
        .transform(_look_up, lookups.names, "_subnet_id", "_subnet")
        .transform(_look_up, lookups.names, "_instance_id", "_instance")
    )
    for end in ("src", "dst"):
        flows = _label_end(flows, lookups, end)
    return flows.select(
        "_flow.*",
        "record_vpc_id",
        F.col("_interface.name").alias("interface_name"),
        F.col("_vpc.name").alias("vpc_name"),
        F.col("_subnet.name").alias("subnet_name"),
        F.col("_instance.name").alias("instance_name"),
        *(name for name in LABEL_COLUMNS if name.startswith(("src_", "dst_"))),
    )


def _look_up(flows: DataFrame, names: DataFrame, id_column: str, into: str) -> DataFrame:
    """Add the version of an id's label that was valid at the flow's start, as a struct or null."""
    return (
        flows.join(
            F.broadcast(names.select(F.col("id").alias(id_column), "versions")),
            on=id_column,
            how="left",
        )
        .withColumn(into, F.expr(f"get(filter(versions, v -> {_IS_VALID}), 0)"))
        .drop("versions")
    )


def _label_end(flows: DataFrame, lookups: Lookups, end: str) -> DataFrame:
    """Name the owner and the network of `<end>addr`, most certain first; `basis` says which it was.

    interface: the address is the record's own interface's. address: one interface had it then, in
    the record's VPC, else in any. cidr: a network holds it, in the record's VPC, else in exactly
    one other. ambiguous: more than one answer fits, so none is given.
    """
    address = f"{end}addr"
    owners, networks = F.broadcast(lookups.owners), F.broadcast(lookups.networks)
    flows = (
        flows.withColumn("_key", key_of(address))
        .withColumn("_bucket", bucket_of("_key"))
        .join(owners.withColumnRenamed("address", address), on=address, how="left")
        .join(networks.withColumnRenamed("bucket", "_bucket"), on="_bucket", how="left")
    )
    flows = flows.select(
        "*",
        F.expr(f"coalesce(filter(owners, v -> {_IS_VALID}), array())").alias("_owners"),
        F.expr("coalesce(filter(networks, n -> _key BETWEEN n.first AND n.last), array())").alias(
            "_networks"
        ),
    ).drop("owners", "networks")
    flows = flows.select(
        "*",
        F.expr("filter(_owners, v -> v.vpc_id <=> record_vpc_id)").alias("_owners_here"),
        F.expr("filter(_networks, n -> n.vpc_id <=> record_vpc_id)").alias("_networks_here"),
        F.expr("size(array_distinct(transform(_networks, n -> coalesce(n.vpc_id, ''))))").alias(
            "_vpcs"
        ),
    )
    flows = flows.withColumn("_own", F.expr(_OWN)).withColumn("_basis", F.expr(_BASIS))
    found = flows.select("*", F.expr(_OWNER).alias("_owner"), F.expr(_NETWORK).alias("_network"))
    service = f"IF(coalesce(pkt_{end}addr, {address}) = {address}, pkt_{end}_aws_service, NULL)"
    labelled = found.select(
        "*",
        F.expr(f"coalesce(_owner.name, IF(_basis IS NULL, {service}, NULL))").alias(f"{end}_name"),
        F.col("_owner.interface_id").alias(f"{end}_interface_id"),
        F.col("_owner.instance_id").alias(f"{end}_instance_id"),
        F.expr("coalesce(_owner.subnet_id, _network.subnet_id)").alias(f"{end}_subnet_id"),
        F.expr("coalesce(_owner.subnet_name, _network.subnet_name)").alias(f"{end}_subnet_name"),
        F.expr("coalesce(_owner.vpc_id, _network.vpc_id)").alias(f"{end}_vpc_id"),
        F.expr("coalesce(_owner.vpc_name, _network.vpc_name)").alias(f"{end}_vpc_name"),
        F.when(F.col(address).isNull(), None)
        .when(F.col("_basis").isNotNull(), "internal")
        .when(F.expr(f"{service} IS NOT NULL"), "aws service")
        .when(is_private("_key"), "internal")
        .otherwise("internet")
        .alias(f"{end}_scope"),
        F.col("_basis").alias(f"{end}_basis"),
    )
    return labelled.drop(*_SCRATCH)


_SCRATCH = (
    "_key _bucket _owners _networks _owners_here _networks_here _vpcs _own _basis _owner _network"
).split()

_OWN = "get(filter(_owners_here, v -> v.interface_id = interface_id), 0)"

_BASIS = """
    CASE WHEN _own IS NOT NULL THEN 'interface'
         WHEN size(_owners_here) = 1 THEN 'address'
         WHEN size(_owners_here) > 1 THEN 'ambiguous'
         WHEN size(_networks_here) > 0 THEN 'cidr'
         WHEN size(_owners) = 1 THEN 'address'
         WHEN size(_owners) > 1 OR _vpcs > 1 THEN 'ambiguous'
         WHEN _vpcs = 1 THEN 'cidr'
    END
"""

_OWNER = """
    CASE WHEN _own IS NOT NULL THEN _own
         WHEN _basis = 'address' THEN coalesce(get(_owners_here, 0), get(_owners, 0))
    END
"""

# The narrowest network, as `prefix` is the first field of the struct.
_NETWORK = """
    CASE WHEN size(_networks_here) > 0 THEN array_max(_networks_here)
         WHEN _basis = 'cidr' OR (_basis = 'address' AND _vpcs = 1) THEN array_max(_networks)
    END
"""

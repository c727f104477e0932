"""Add names to the ids of every flow. Lookups have one answer per question.

They are joined by equality (an id, an address, a bucket of addresses) and a condition on time and
address that at most one of their rows meets, whatever they were made from: no join adds a row.
All joins come first and one projection last: each step in between costs planning, which on small
days is what a person waits for.
"""

from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from transforms.label.rings import Home, ring_of
from transforms.network.addresses import bucket_of, is_private, key_of
from transforms.schemas import LABEL_COLUMNS

# What naming looks at, of a flow record.
_NEEDED = (
    "interface_id vpc_id subnet_id instance_id pkt_srcaddr pkt_dstaddr srcaddr dstaddr "
    "pkt_src_aws_service pkt_dst_aws_service flow_direction"
).split()
# The packet's own address is labelled where it is not the outer one.
_ENDS = {
    "src": "srcaddr",
    "dst": "dstaddr",
    "pkt_src": "IF(pkt_srcaddr = srcaddr, NULL, pkt_srcaddr)",
    "pkt_dst": "IF(pkt_dstaddr = dstaddr, NULL, pkt_dstaddr)",
}

_VPC_ID = "coalesce(flow.vpc_id, interface.label.vpc_id)"
_SUBNET_ID = "coalesce(flow.subnet_id, interface.label.subnet_id)"
_INSTANCE_ID = "coalesce(flow.instance_id, interface.label.instance_id)"
_IDS = {
    "interface": "flow.interface_id",
    "vpc": _VPC_ID,
    "subnet": _SUBNET_ID,
    "instance": _INSTANCE_ID,
}


class Lookups(NamedTuple):
    """Frames of `label_lookups.NAMES`, OWNERS and NETWORKS; `digits` are those of its buckets."""

    names: DataFrame
    owners: DataFrame
    networks: DataFrame
    digits: tuple[int, int]


def label_with(flows: DataFrame, lookups: Lookups, home: Home | None = None) -> DataFrame:
    """Add the columns of `schemas.LABELS` and `record_vpc_id`; keeps every flow exactly once.

    `record_vpc_id` is the VPC of the interface: the record's own word, else the label's. A label
    counts for a flow when it was valid at the flow's start. Rings are as seen from `home`.
    """
    # The rest of the record travels as one value: copying 60 columns at each join costs more than
    # the lookups.
    joined = (
        flows.select(
            *_NEEDED,
            F.expr("coalesce(start, end) AS at"),
            *(F.expr(address).alias(f"{end}_address") for end, address in _ENDS.items()),
            F.struct("*").alias("record"),
        )
        .select("*", *(key_of(f"{end}_address").alias(f"{end}_key") for end in _ENDS))
        .alias("flow")
    )
    for name, key in _IDS.items():
        joined = _join(joined, lookups.names, name, f"{key} = {name}.id")
    for end in _ENDS:
        joined = _join_end(joined, lookups, end)
    answered = joined.select(
        "flow.record",
        F.expr(_VPC_ID).alias("record_vpc_id"),
        *(F.col(f"{name}.label.name").alias(f"{name}_name") for name in _IDS),
        *(_answer(end).alias(f"_{end}") for end in _ENDS),
        *(F.col(f"flow.{end}_key").alias(f"_{end}_key") for end in _ENDS),
    )
    seen_from = home or Home()
    labels = (_label(name, seen_from) for name in LABEL_COLUMNS)
    return answered.select("record.*", "record_vpc_id", *labels)


def _label(column: str, home: Home) -> Column:
    for end in sorted(_ENDS, key=len, reverse=True):
        if column == f"{end}_ring":
            return ring_of(f"_{end}", f"_{end}_key", home).alias(column)
        if column.startswith(f"{end}_"):
            return F.col(f"_{end}.{column.removeprefix(f'{end}_')}").alias(column)
    return F.col(column)


def _join(flows: DataFrame, lookup: DataFrame, name: str, condition: str) -> DataFrame:
    """Add the row of a lookup that was valid at the flow's start, if there is one, as `name`.

    A label without a start held always; one with a start never holds for a flow without a time.
    """
    is_valid = f"""coalesce(flow.at >= {name}.valid_from, {name}.valid_from IS NULL)
               AND coalesce(flow.at < {name}.valid_to, {name}.valid_to IS NULL)"""
    return flows.join(
        F.broadcast(lookup.alias(name)), on=F.expr(f"{condition} AND {is_valid}"), how="left"
    )


def _join_end(flows: DataFrame, lookups: Lookups, end: str) -> DataFrame:
    """Add who had an address then, and the network that holds it.

    An owner in the record's VPC hides those in others.
    """
    owner = f"{end}_owner"
    flows = _join(
        flows,
        lookups.owners,
        owner,
        f"""flow.{end}_address = {owner}.address
            AND IF({owner}.only_vpc IS NULL,
                   NOT coalesce(array_contains({owner}.not_vpcs, {_VPC_ID}), false),
                   {owner}.only_vpc <=> {_VPC_ID})""",
    )
    network, key = f"{end}_network", f"flow.{end}_key"
    return _join(
        flows,
        lookups.networks,
        network,
        f"""{bucket_of(key, lookups.digits)} = {network}.bucket
            AND {key} BETWEEN {network}.first AND {network}.last""",
    )


def _answer(end: str) -> Column:
    """What is known of an address, most certain first.

    interface: the record's own interface; AWS, "Flow log records": srcaddr is the interface's on
    egress, dstaddr on ingress. address: one interface of the record's VPC had it then. cidr: a
    network of the record's VPC holds it. Then the same in other VPCs, if one answer fits; a public
    address of an interface; the service that the record or AWS's ranges name; a prefix list.
    ambiguous: more than
    one answer fits, or the networks of the record's VPC are unknown and it may use this range too.
    """
    key, owner = f"flow.{end}_key", f"{end}_owner.answer"
    here = f"try_element_at({end}_network.here, {_VPC_ID})"
    anywhere, service = f"{end}_network.anywhere", f"{end}_network.service"
    recorded = _recorded_service(end)
    blind = _struct(
        scope="'internal'",
        basis="'ambiguous'",
        candidates=f"""coalesce({owner}.candidates, {anywhere}.candidates, array(coalesce(
            {owner}.interface_id, {anywhere}.subnet_id, {anywhere}.vpc_id)))""",
    )
    named_by_range = f"({recorded} IS NULL OR ({recorded} = 'AMAZON' AND {service} <> 'AMAZON'))"
    by_service = _struct(
        name=f"IF({named_by_range}, coalesce({service}, {recorded}), {recorded})",
        scope="'aws service'",
        basis=f"IF({named_by_range}, 'aws ranges', 'record')",
    )
    private = f"({is_private(key)})"
    unknown = _struct(
        name=f"{end}_network.listed",
        scope=f"IF({private}, 'internal', 'internet')",
        basis=f"IF({end}_network.listed IS NULL, NULL, 'prefix list')",
    )
    is_blind = f"""{private} AND {_VPC_ID} IS NOT NULL AND vpc.label.is_mapped IS NOT TRUE
        AND coalesce({owner}.vpc_id, get({owner}.candidates, 0), {anywhere}.basis) IS NOT NULL"""
    return F.expr(
        f"""
        CASE WHEN flow.{end}_address IS NULL THEN NULL
             WHEN flow.interface_id IS NOT NULL AND ({_is_own(end)}) THEN {_own(end)}
             WHEN {end}_owner.only_vpc IS NOT NULL THEN {owner}
             WHEN {here} IS NOT NULL THEN {here}
             WHEN {is_blind} THEN {blind}
             WHEN {owner} IS NOT NULL THEN {owner}
             WHEN {anywhere} IS NOT NULL THEN {anywhere}
             WHEN coalesce({recorded}, {service}) IS NOT NULL THEN {by_service}
             ELSE {unknown}
        END
        """
    )


def _own(end: str) -> str:
    """SQL text: the answer where this end is the interface that recorded."""
    owner = f"{end}_owner.answer"
    here = f"try_element_at({end}_network.here, {_VPC_ID})"
    return _struct(
        name="coalesce(instance.label.name, interface.label.name)",
        interface_id="flow.interface_id",
        instance_id=_INSTANCE_ID,
        vpc_id=f"coalesce({_VPC_ID}, {owner}.vpc_id)",
        vpc_name=f"IF({_VPC_ID} IS NULL, {owner}.vpc_name, vpc.label.name)",
        subnet_id=f"coalesce({_SUBNET_ID}, {here}.subnet_id)",
        subnet_name=f"IF({_SUBNET_ID} IS NULL, {here}.subnet_name, subnet.label.name)",
        scope="'internal'",
        basis="'interface'",
    )


def _is_own(end: str) -> str:
    """SQL text: this end is the interface that recorded."""
    owner = f"{end}_owner.answer"
    is_owner = f"""{owner}.interface_id = flow.interface_id
              OR array_contains({owner}.candidates, flow.interface_id)"""
    direction = {"src": "egress", "dst": "ingress"}.get(end)
    return f"flow.flow_direction = '{direction}' OR {is_owner}" if direction else is_owner


def _recorded_service(end: str) -> str:
    """SQL text: the AWS service that the record names for this end. It names that of the packet."""
    if end.startswith("pkt"):
        return f"flow.{end}_aws_service"
    address = f"flow.{end}_address"
    is_packet = f"coalesce(flow.pkt_{end}addr, {address}) = {address}"
    return f"IF({is_packet}, flow.pkt_{end}_aws_service, NULL)"


_ANSWER_TEXTS = (
    "name interface_id instance_id vpc_id vpc_name subnet_id subnet_name scope basis"
).split()


def _struct(candidates: str = "NULL", **texts: str) -> str:
    """An answer in the shape of those in the lookups, with null for what is not given."""
    cells = [f"'{name}', CAST({texts.get(name, 'NULL')} AS STRING)" for name in _ANSWER_TEXTS]
    cells.append(f"'candidates', CAST({candidates} AS ARRAY<STRING>)")
    return f"named_struct({', '.join(cells)})"

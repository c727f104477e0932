"""Label tables → rows of the lookups that flows are joined with: at most one answers a question.

Two questions are asked of each address of a flow: who had it then (OWNERS), and which network holds
it, of the record's VPC, of any VPC, or of AWS (NETWORKS). What several rows of the labels say of
one address at one time in one place is made one answer here: the most certain, or `ambiguous`.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from transforms.label.attribution import ANSWER
from transforms.label.networks import NetworkRows, network_rows, pieces_by_vpc
from transforms.label.owners import owner_rows
from transforms.label.tables import LabelTables
from transforms.network.ranges import ALWAYS, Span

_SPAN = "valid_from BIGINT COMMENT 'Unix seconds', valid_to BIGINT COMMENT 'not part of it'"

NAMES = f"""
    id STRING COMMENT 'interface, subnet, VPC or instance id', {_SPAN},
    label STRUCT<name STRING, vpc_id STRING, subnet_id STRING, instance_id STRING,
                 is_mapped BOOLEAN COMMENT 'of a VPC: some network of it is known'>
"""
OWNERS = f"""
    address STRING COMMENT 'canonical',
    only_vpc STRING COMMENT 'the answer is for records of this VPC; null: for those of others',
    not_vpcs ARRAY<STRING> COMMENT 'VPCs with an answer of their own', {_SPAN}, answer {ANSWER}
"""
NETWORKS = f"""
    bucket STRING COMMENT 'the first digits of the address key',
    first STRING COMMENT 'address key', last STRING COMMENT 'address key', {_SPAN},
    here MAP<STRING, {ANSWER}> COMMENT 'by VPC of the record',
    anywhere {ANSWER}, service STRING COMMENT 'of AWS, by its published ranges',
    listed STRING COMMENT 'name by a prefix list'
"""


class LookupRows(NamedTuple):
    """Rows of NAMES, OWNERS and NETWORKS."""

    names: list[tuple[object, ...]]
    owners: list[tuple[object, ...]]
    networks: NetworkRows


def lookup_rows(tables: LabelTables) -> LookupRows:
    """The lookups of the labels."""
    here = pieces_by_vpc(tables)
    return LookupRows(
        names=list(_name_rows(tables, set(here))),
        owners=list(owner_rows(tables, here)),
        networks=network_rows(tables),
    )


def _name_rows(tables: LabelTables, mapped: Collection[str]) -> Iterator[tuple[object, ...]]:
    for key, versions in tables.names.items():
        for version in versions:
            span = Span(version.valid_from, version.valid_to)
            ids = version.vpc_id, version.subnet_id, version.instance_id
            yield key, *span, (version.name, *ids, key in mapped)
    for vpc_id in sorted(set(mapped) - set(tables.names)):
        yield vpc_id, *ALWAYS, (None, None, None, None, True)

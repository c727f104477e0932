"""Interfaces and addresses of the subject that only the records know."""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame
from pyspark.sql import Window as Rows
from pyspark.sql import functions as F

from transforms.subject.identity import Part, Source, Subject
from transforms.subject.role import at_own_interfaces
from transforms.window import LONGEST_INTERVAL, LONGEST_LAG


def own_ends(records: DataFrame, subject: Subject) -> DataFrame:
    """One row per interface of the subject and address that may be its own, of these records.

    AWS, "Flow log records": the interface's end is the source of egress and the destination of
    ingress. Without a direction its own address is the one that is in every record. `is_told` says
    that the direction told. The address is null for an interface that only says NODATA. `began`
    and `was_asked` count the records in which flags show that the address began, or was asked.
    """
    ends = F.expr(
        """
        CASE WHEN srcaddr IS NULL AND dstaddr IS NULL
             THEN array(named_struct('address', CAST(NULL AS STRING), 'is_told', false,
                                     'began', false, 'was_asked', false))
             ELSE array(named_struct('address', srcaddr,
                                     'is_told', flow_direction <=> 'egress',
                                     'began', (tcp_flags & 18) <=> 2,
                                     'was_asked', (tcp_flags & 18) <=> 18),
                        named_struct('address', dstaddr,
                                     'is_told', flow_direction <=> 'ingress',
                                     'began', (tcp_flags & 18) <=> 18,
                                     'was_asked', (tcp_flags & 18) <=> 2)) END
        """
    )
    of_interface = Rows.partitionBy("interface_id", F.expr("instr(address, ':') > 0"))
    return (
        at_own_interfaces(records, subject)
        .where("interface_id IS NOT NULL")
        .select("interface_id", "vpc_id", "start", "end", F.explode(ends).alias("own"))
        .groupBy("interface_id", "own.address")
        .agg(
            F.count("*").alias("seen"),
            F.bool_or("own.is_told").alias("is_told"),
            F.count_if("own.began").alias("began"),
            F.count_if("own.was_asked").alias("was_asked"),
            F.max("vpc_id").alias("vpc_id"),
            F.min(F.coalesce("start", "end")).alias("first"),
            F.max(F.coalesce("end", "start")).alias("last"),
        )
        .withColumn("ends", F.sum("seen").over(of_interface))
        .where("address IS NULL OR is_told OR seen * 2 >= ends")
        .drop("ends")
    )


def derived_parts(ends: Iterable[Mapping[str, object]], subject: Subject) -> list[Part]:
    """What rows of `own_ends` add to a subject.

    It counts while records say so, give or take the longest interval: an address may have been
    another's before, and a record of the same packets at a peer ends no later than that.
    """
    around = int((LONGEST_INTERVAL + LONGEST_LAG).total_seconds())
    by_interface: dict[str, list[Mapping[str, object]]] = {}
    for row in sorted(ends, key=lambda row: (str(row["interface_id"]), str(row["address"]))):
        by_interface.setdefault(str(row["interface_id"]), []).append(row)
    parts: list[Part] = []
    for interface_id, rows in by_interface.items():
        first = min(int(str(row["first"])) for row in rows) - around
        last = max(int(str(row["last"])) for row in rows) + around
        if interface_id not in subject.interface_ids:
            parts.append(Part(interface_id, None, first, last, "records"))
        for address, source in _own_addresses(rows).items():
            if address not in subject.addresses:
                parts.append(Part(interface_id, address, first, last, source))
    return parts


def _own_addresses(rows: list[Mapping[str, object]]) -> dict[str, Source]:
    """The addresses that may be the interface's own, and what says so."""
    told = [str(row["address"]) for row in rows if row["is_told"] and row["address"]]
    found: dict[str, Source] = dict.fromkeys(told, "records")
    for is_ipv6 in (False, True):
        of_family = [
            str(row["address"])
            for row in rows
            if row["address"] and (":" in str(row["address"])) is is_ipv6
        ]
        if any(address in told for address in of_family):
            continue
        source: Source = "records"
        if len(of_family) > 1:  # one of each end
            of_family, source = _that_began(rows, of_family), "flags"
        if len(of_family) == 1:
            found[of_family[0]] = source
    return found


def _that_began(rows: list[Mapping[str, object]], addresses: list[str]) -> list[str]:
    """Of two ends that are in every record, the one that flags show to have begun, and only it.

    Which end is the interface's own cannot be told. That the subject was the one that acted is the
    assumption that hides nothing.
    """
    return [
        str(row["address"])
        for row in rows
        if row["address"] in addresses and row["began"] and not row["was_asked"]
    ]

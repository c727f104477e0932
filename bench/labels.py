"""What labels cost as they grow: reading them, planning, and naming a fixed number of flows.

`python -m bench.labels [--interfaces 1,10000,200000] [--subnets 2000] [--flows 200000]`
"""

import argparse
import csv
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from bench.harness import report
from bench.local_spark import local_spark
from jobs.sources.labels import as_lookups, read_labels
from transforms.flow_fields import FIELDS
from transforms.label.frames import label_with

_FIRST = int(IPv4Address("10.0.0.0"))
_VPCS = 20
_ADDRESSES_OF_A_SUBNET = 256


def main(argv: Sequence[str]) -> int:
    """Measure and print one Markdown table."""
    parser = argparse.ArgumentParser(prog="bench.labels", allow_abbrev=False)
    parser.add_argument("--interfaces", default="1,10000,200000")
    parser.add_argument("--subnets", type=int, default=2_000)
    parser.add_argument("--flows", type=int, default=200_000)
    given = parser.parse_args(argv)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = local_spark(2, "2g", {"spark.sql.shuffle.partitions": 2})
    print(f"{given.flows:,} flows, {given.subnets:,} subnets in {_VPCS} VPCs\n")
    rows = []
    counts = [int(text) for text in given.interfaces.split(",")]
    for number, count in enumerate([counts[0], *counts]):
        with tempfile.TemporaryDirectory() as folder:
            _write_labels(Path(folder), count, given.subnets)
            started = time.perf_counter()
            tables = read_labels(folder)
            read = time.perf_counter()
            labelled = label_with(
                _flows(spark, given.flows, given.subnets), as_lookups(spark, tables)
            )
            planned = time.perf_counter()
            named = labelled.selectExpr(
                "count(src_name) + count(dst_name) AS ends",
                # so that every name is made
                "max(hash(interface_name, subnet_name, vpc_name, src_subnet_name, "
                "dst_subnet_name))",
            ).first()
            done = time.perf_counter()
        if number and named:  # the first warms up
            seconds = (read - started, planned - read, done - planned)
            rows.append([f"{count:,}", *(f"{s:.1f}" for s in seconds), f"{named['ends']:,}"])
    columns = ["interfaces", "read labels, s", "plan, s", "name flows, s", "named ends"]
    report("labels", columns, rows)
    return 0


def _write_labels(folder: Path, interfaces: int, subnets: int) -> None:
    """One address for each interface, spread over the subnets; every VPC has its own networks."""

    def write(table: str, columns: str, rows: list[tuple[object, ...]]) -> None:
        with (folder / f"{table}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([columns.split(), *rows])

    write(
        "subnets",
        "subnet_id name vpc_id cidrs",
        [
            (f"subnet-{n}", f"subnet {n}", f"vpc-{n % _VPCS}", f"{_address(n, 0)}/24")
            for n in range(subnets)
        ],
    )
    write("vpcs", "vpc_id name", [(f"vpc-{n}", f"vpc {n}") for n in range(_VPCS)])
    write(
        "interfaces",
        "interface_id description vpc_id subnet_id addresses",
        [
            (f"eni-{n}", f"server {n}", f"vpc-{n % subnets % _VPCS}", f"subnet-{n % subnets}",
             _address(n % subnets, n // subnets))
            for n in range(interfaces)
        ],
    )  # fmt: skip


def _address(subnet: int, number: int) -> IPv4Address:
    return IPv4Address(_FIRST + subnet * _ADDRESSES_OF_A_SUBNET + number)


def _flows(spark: SparkSession, count: int, subnets: int) -> DataFrame:
    """Flows from and to addresses all over the subnets, each at an interface of its source."""
    known = {
        "interface_id": "concat('eni-', id)",
        "vpc_id": f"concat('vpc-', id % {subnets} % {_VPCS})",
        "srcaddr": _text_of(f"id % {subnets}", f"id div {subnets} % 250"),
        "dstaddr": _text_of(f"(id * 7 + 3) % {subnets}", f"id div {subnets} % 250"),
        "start": "1795435200 + id % 86400",
    }
    kinds = {f.name: "STRING" if f.kind in ("text", "tag", "address") else "BIGINT" for f in FIELDS}
    cells = [f"CAST({known.get(name, 'NULL')} AS {kind}) AS `{name}`"
             for name, kind in kinds.items()]  # fmt: skip
    return spark.range(count).selectExpr(*cells)


def _text_of(subnet: str, number: str) -> str:
    return f"concat_ws('.', 10, ({subnet}) div 256, ({subnet}) % 256, {number})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

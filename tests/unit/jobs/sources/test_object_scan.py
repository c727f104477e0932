"""The executor side of reading: what becomes of objects that change, vanish or break on the way."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.sources.listing import FlowLogObject, list_objects
from jobs.sources.object_fetch import ObjectToRead
from jobs.sources.object_scan import (
    ScanSettings,
    of_read_objects,
    scan_batches,
    scan_objects,
    tasks_over,
)
from transforms.scan.needles import needles_of
from transforms.window import Window

WINDOW = Window(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))
START = int(WINDOW.from_at.timestamp())
HEADER = "interface-id srcaddr dstaddr start end"


def flow_line(srcaddr: str = "10.0.0.7", start: int = START) -> str:
    return f"eni-0123456789abcdef0 {srcaddr} 10.0.0.9 {start} {start + 59}"


def write(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_bytes(gzip.compress("\n".join([header, *lines, ""]).encode()))
    return path


def settings(*addresses: str, max_line_bytes: int = 16_384) -> ScanSettings:
    needles = needles_of([], addresses) if addresses else None
    return ScanSettings(needles, WINDOW, max_line_bytes, reads_in_flight=4)


def test_an_object_that_changed_or_vanished_since_it_was_listed_is_told_as_that(
    spark: SparkSession, tmp_path: Path
) -> None:
    changed = write(tmp_path / "changed.log.gz", flow_line())
    vanished = write(tmp_path / "vanished.log.gz", flow_line())
    still = write(tmp_path / "still.log.gz", flow_line())
    listing = list_objects([str(tmp_path)], WINDOW)
    write(changed, flow_line(), flow_line())
    vanished.unlink()

    scanned = scan_objects(spark, listing.selected, settings("10.0.0.7"))

    accounts = scanned.where("account IS NOT NULL").select(
        "object_uri", "account.outcome", "account.reason", "account.parsed_lines"
    )
    assert sorted(map(tuple, accounts.collect())) == [
        (f"file://{changed}", "refused", "it changed between listing and reading", 0),
        (f"file://{still}", "read", None, 1),
        (f"file://{vanished}", "unreadable", "it vanished between listing and reading", 0),
    ]


@pytest.mark.parametrize(
    ("sizes", "cores", "tasks"),
    [([1], 2, 1), ([1] * 9, 2, 2), ([60] * 4, 2, 4), ([40] * 6, 3, 6), ([60] * 4, 8, 4)],
)
def test_every_core_gets_as_many_tasks_if_there_are_objects(
    sizes: list[int], cores: int, tasks: int
) -> None:
    """Sizes in MiB; a task takes 64 MiB or less: 240 MiB are four for two cores, not three."""
    objects = [
        FlowLogObject(None, f"/{at}", None, mib * 1024**2, datetime(2026, 11, 23, tzinfo=UTC), None)
        for at, mib in enumerate(sizes)
    ]

    assert tasks_over(objects, cores) == tasks


def test_tasks_read_neighbours_of_the_listing_and_a_large_object_has_its_own(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Beside their bytes, objects count as 16 KiB each: 700 KB outweigh the twenty small ones."""
    for number in range(20):
        write(tmp_path / f"{number:02}.log.gz", flow_line())
    (tmp_path / "12.log.gz").write_bytes(os.urandom(700_000))  # no gzip: refused, accounted for
    listing = list_objects([str(tmp_path)], WINDOW)

    scanned = scan_objects(spark, listing.selected, settings("10.0.0.7"))

    accounts = scanned.where("account IS NOT NULL").select(F.spark_partition_id(), "object_uri")
    read: dict[int, list[int]] = {}
    for task, uri in accounts.collect():
        read.setdefault(task, []).append(int(Path(uri).name[:2]))
    assert [read[task] for task in sorted(read)] == [[*range(12)], [12], [*range(13, 20)]]
    assert scan_objects(spark, [], settings("10.0.0.7")).collect() == []


def test_no_line_of_an_object_that_breaks_late_is_evidence(
    spark: SparkSession, tmp_path: Path
) -> None:
    """So many lines that the first are handed to Spark long before the damage is met."""
    broken = write(tmp_path / "broken.log.gz", *(flow_line(start=START + n) for n in range(86_000)),
                   *(flow_line(start=START + n) for n in range(86_000)))  # fmt: skip
    broken.write_bytes(broken.read_bytes()[:-8])
    whole = write(tmp_path / "whole.log.gz", flow_line())
    listing = list_objects([str(tmp_path)], WINDOW)

    scanned = scan_objects(spark, listing.selected, settings("10.0.0.7")).persist()

    handed_over = scanned.where("record IS NOT NULL")
    assert handed_over.where(f"object_uri = 'file://{broken}'").count() >= 100_000
    evidence = of_read_objects(scanned).where("record IS NOT NULL").select("object_uri").collect()
    assert [uri for (uri,) in evidence] == [f"file://{whole}"]
    (account,) = scanned.where("account.outcome = 'refused'").select("account.*").collect()
    assert account.reason == "its gzip data is cut off before its end"
    assert (account.lines, account.parsed_lines, account.in_window_lines) == (0, 0, 0)
    scanned.unpersist()


def test_objects_of_different_formats_in_one_task_keep_their_own_columns(
    spark: SparkSession, tmp_path: Path
) -> None:
    write(tmp_path / "a.log.gz", flow_line("10.0.0.7"))
    write(
        tmp_path / "b.log.gz",
        f"{START + 59} colour 10.0.0.7 {START}",
        header="end new-field srcaddr start",
    )
    listing = list_objects([str(tmp_path)], WINDOW)

    scanned = scan_objects(spark, listing.selected, settings("10.0.0.7"))

    records = scanned.where("record IS NOT NULL").select(
        "object_line", "record.interface_id", "record.srcaddr", "record.end", "record.extra"
    )
    assert sorted(map(tuple, records.collect()), key=repr) == [
        (2, "eni-0123456789abcdef0", "10.0.0.7", START + 59, None),
        (2, None, "10.0.0.7", START + 59, {"new_field": "colour"}),
    ]


def test_each_line_of_an_object_has_one_fate(spark: SparkSession, tmp_path: Path) -> None:
    write(
        tmp_path / "a.log.gz",
        flow_line("10.0.0.7"),  # in the window
        flow_line("10.0.0.7", start=START - 7200),  # before it
        flow_line("10.0.0.77"),  # someone else: set aside
        "",
        "   ",
        HEADER,
        "eni-0123456789abcdef0 10.0.0.7",  # too few columns
        "x" * 300,  # too long
        "eni-0123456789abcdef0 - - - NODATA",  # not the subject's
    )
    listing = list_objects([str(tmp_path)], WINDOW)

    found = scan_objects(spark, listing.selected, settings("10.0.0.7", max_line_bytes=256))

    (account,) = found.where("account IS NOT NULL").select("account.*").collect()
    assert {
        name: account[name] for name in account.asDict() if name.endswith("lines")
    } == {
        "lines": 10, "header_lines": 2, "blank_lines": 2, "set_aside_lines": 2, "parsed_lines": 2,
        "refused_lines": 2, "nodata_lines": 1, "skipdata_lines": 0, "in_window_lines": 1,
        "out_of_window_lines": 1,
    }  # fmt: skip
    assert (account.first_start, account.last_end) == (START - 7200, START + 59)
    refused = found.where("refused IS NOT NULL").select("object_line", "refused.reason").collect()
    assert sorted(map(tuple, refused)) == [
        (8, "the line has 2 columns, its header 5"),
        (9, "longer than 256 bytes"),
    ]


@pytest.mark.parametrize("size", [1_000_000, 1_100_000], ids=["fetched whole", "streamed"])
def test_small_and_large_objects_are_read_alike(
    spark: SparkSession, tmp_path: Path, size: int
) -> None:
    line = flow_line("10.0.0.7") + "\n"
    count = size // len(line)
    (tmp_path / "plain.log").write_text(HEADER + "\n" + line * count)
    listing = list_objects([str(tmp_path)], WINDOW)

    scanned = scan_objects(spark, listing.selected, settings("10.0.0.7"))

    numbers = scanned.where("record IS NOT NULL").select("object_line").collect()
    assert sorted(number for (number,) in numbers) == list(range(2, count + 2))


def scan_here(
    folder: Path, settings: ScanSettings
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Scan a folder without Spark: rows that are no accounts, and the accounts."""
    found = list_objects([str(folder)], WINDOW).selected
    objects = [ObjectToRead(item.place, item.etag, item.size) for item in found]
    rows = [row for batch in scan_batches(objects, settings) for row in batch.to_pylist()]
    lines = [row for row in rows if row["account"] is None]
    return lines, [row["account"] for row in rows if row["account"] is not None]


@pytest.mark.parametrize("count", [100, 60_000], ids=["in memory", "in a file meanwhile"])
def test_parquet_objects_are_searched_as_text_is(tmp_path: Path, count: int) -> None:
    """Sequence numbers do not compress, so that the large one is over a megabyte."""
    columns = {
        "srcaddr": ["10.0.0.7", "10.0.0.77"] * count,
        "start": pa.array([START] * 2 * count),
        "end": pa.array([START + 59] * 2 * count),
        "new_field": [f"{number * 2654435761 % 2**64:x}" for number in range(2 * count)],
    }
    path = tmp_path / "111122223333_vpcflowlogs_eu-west-1_fl-0_20261123T0000Z_a.log.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=25_000)
    assert (path.stat().st_size > 1_048_576) == (count == 60_000)

    lines, (account,) = scan_here(tmp_path, settings("10.0.0.7"))

    assert [row["object_line"] for row in lines] == list(range(1, 2 * count, 2))
    assert {row["record"]["srcaddr"] for row in lines} == {"10.0.0.7"}
    assert (account["lines"], account["set_aside_lines"], account["header_lines"]) == (
        2 * count, count, 0,
    )  # fmt: skip
    assert account["bytes_read"] == path.stat().st_size


def test_what_is_over_the_size_or_of_another_kind_is_said_and_not_read(tmp_path: Path) -> None:
    write(tmp_path / "large.log.gz", flow_line())
    write(tmp_path / "wan.log.gz", "arn 10.0.0.7", header="core-network-arn srcaddr")
    size = (tmp_path / "large.log.gz").stat().st_size

    lines, accounts = scan_here(tmp_path, settings()._replace(max_object_bytes=size - 1))

    assert lines == []
    assert [(account["outcome"], account["reason"]) for account in accounts] == [
        ("refused", f"it has {size} bytes, more than --max_object_bytes {size - 1}"),
        ("other_kind", "it holds core network (Cloud WAN) flow records, not VPC flow records"),
    ]


def test_records_of_transit_gateways_come_apart_from_those_of_interfaces(tmp_path: Path) -> None:
    tgw = "tgw-id tgw-attachment-id tgw-src-vpc-id tgw-dst-vpc-id srcaddr dstaddr packets start end"
    sent = f"tgw-1 tgw-attach-1 vpc-a vpc-b 10.0.0.7 10.9.0.5 3 {START} {START + 59}"
    came = f"tgw-1 tgw-attach-1 vpc-b vpc-a 10.9.0.5 10.0.0.7 - {START} {START + 59}"
    later = f"tgw-1 tgw-attach-1 vpc-a vpc-b 10.0.0.7 10.9.0.5 3 {START + 86_400} {START + 86_401}"
    other = f"tgw-1 tgw-attach-1 vpc-a vpc-b 10.0.0.8 10.9.0.5 3 {START} {START + 59}"
    wrong = f"tgw-1 tgw-attach-1 vpc-a vpc-b 10.0.0.7 10.9.0.5 x {START} {START + 59}"
    write(tmp_path / "tgw.log.gz", sent, came, later, other, wrong, header=tgw)
    write(tmp_path / "vpc.log.gz", flow_line())

    lines, accounts = scan_here(tmp_path, settings("10.0.0.7"))

    by_line = {row["object_line"]: row for row in lines if row["object_uri"].endswith("tgw.log.gz")}
    assert sorted(by_line) == [2, 3, 6]
    ends = {"tgw_id": "tgw-1", "tgw_attachment_id": "tgw-attach-1"}
    times = {"start": str(START), "end": str(START + 59)}
    assert dict(by_line[2]["transit"]) == {
        **ends, "tgw_src_vpc_id": "vpc-a", "tgw_dst_vpc_id": "vpc-b",
        "srcaddr": "10.0.0.7", "dstaddr": "10.9.0.5", "packets": "3", **times,
    }  # fmt: skip
    assert dict(by_line[3]["transit"]) == {
        **ends, "tgw_src_vpc_id": "vpc-b", "tgw_dst_vpc_id": "vpc-a",
        "srcaddr": "10.9.0.5", "dstaddr": "10.0.0.7", **times,
    }  # fmt: skip
    assert by_line[6]["refused"]["reason"] == "packets is 'x', not a whole number"
    assert all(row["record"] is None for row in by_line.values())
    (own,) = [row for row in lines if row["record"] is not None]
    assert (own["record"]["srcaddr"], own["transit"]) == ("10.0.0.7", None)
    fates = "outcome lines set_aside_lines parsed_lines in_window_lines refused_lines".split()
    assert [tuple(account[fate] for fate in fates) for account in accounts] == [
        ("transit", 6, 1, 3, 2, 1),
        ("read", 2, 0, 1, 1, 0),
    ]

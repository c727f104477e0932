"""Names beside the ids: the most certain answer, never a row more or less."""

from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from jobs.sources.labels import as_lookups
from transforms.flow_fields import FIELDS
from transforms.label.build import build_label_tables
from transforms.label.frames import label_with
from transforms.label.rings import Home, home_of
from transforms.label.tables import LabelRow

Cells = dict[str, object]


def rows_of(*cells: Cells) -> list[LabelRow]:
    return [LabelRow(f"row {number}", row) for number, row in enumerate(cells)]


TABLES = {
    "vpcs": rows_of(
        {"vpc_id": "vpc-a", "name": "shop", "cidrs": "10.0.0.0/16 2001:db8:a::/56"},
        {"vpc_id": "vpc-b", "name": "lab", "cidrs": "10.0.0.0/16"},
        {"vpc_id": "vpc-c", "name": "peered", "cidrs": "10.9.0.0/16"},
        {"vpc_id": "vpc-d", "name": "twin 1", "cidrs": "10.8.0.0/16"},
        {"vpc_id": "vpc-e", "name": "twin 2", "cidrs": "10.8.0.0/16"},
    ),
    "subnets": rows_of(
        {"subnet_id": "subnet-a1", "name": "web", "vpc_id": "vpc-a", "cidrs": "10.0.1.0/24"},
        {"subnet_id": "subnet-b1", "name": "lab web", "vpc_id": "vpc-b", "cidrs": "10.0.1.0/24"},
        {"subnet_id": "subnet-c1", "name": "far", "vpc_id": "vpc-c", "cidrs": "10.9.1.0/24"},
        {"subnet_id": "subnet-a6", "name": "six", "vpc_id": "vpc-a", "cidrs": "2001:db8:a:1::/64"},
    ),
    "instances": rows_of({"instance_id": "i-1", "name": "web-1"}),
    "interfaces": rows_of(
        {"interface_id": "eni-1", "instance_id": "i-1", "vpc_id": "vpc-a", "subnet_id": "subnet-a1",
         "addresses": "10.0.1.7 2001:DB8:a:1::7", "public_addresses": "203.0.113.7"},
        {"interface_id": "eni-2", "description": "NAT", "vpc_id": "vpc-a", "addresses": "10.0.1.8"},
        {"interface_id": "eni-3", "description": "lab box", "vpc_id": "vpc-b",
         "addresses": "10.0.1.7"},
        {"interface_id": "eni-4", "description": "before", "vpc_id": "vpc-a",
         "addresses": "10.0.1.9", "valid_to": "2026-01-01T00:00:00Z"},
        {"interface_id": "eni-5", "description": "after", "vpc_id": "vpc-a",
         "addresses": "10.0.1.9", "valid_from": "2026-01-01T00:00:00Z"},
        {"interface_id": "eni-6", "description": "one of two", "vpc_id": "vpc-a",
         "addresses": "10.0.1.10"},
        {"interface_id": "eni-7", "description": "two of two", "vpc_id": "vpc-a",
         "addresses": "10.0.1.10"},
        {"interface_id": "eni-8", "name": "far box", "vpc_id": "vpc-c", "addresses": "10.9.1.5"},
    ),
}  # fmt: skip
NEW_YEAR_2026 = 1767225600
HOME = Home(("vpc-a",))


def flows_of(spark: SparkSession, *records: Cells) -> DataFrame:
    """Flow records with only the given fields."""
    kinds = {f.name: "STRING" if f.kind in ("text", "tag", "address") else "BIGINT" for f in FIELDS}
    schema = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
    schema += ", extra MAP<STRING,STRING>, number INT"
    rows = [
        (*(record.get(name) for name in kinds), None, number)
        for number, record in enumerate(records)
    ]
    return spark.createDataFrame(rows, schema)


def label(spark: SparkSession, tables: dict[str, list[LabelRow]], *records: Cells) -> list[Cells]:
    built, problems = build_label_tables(tables)
    assert problems == []
    labelled = flows_of(spark, *records).transform(label_with, as_lookups(spark, built), HOME)
    return [row.asDict() for row in labelled.orderBy("number").collect()]


def test_each_end_gets_the_most_certain_name_and_its_basis(spark: SparkSession) -> None:
    at = {"interface_id": "eni-1", "vpc_id": "vpc-a", "start": NEW_YEAR_2026}
    cases: list[tuple[Cells, tuple[object, ...]]] = [
        # what differs: (name, subnet, VPC, ring, basis) of the source
        ({"srcaddr": "10.0.1.7"}, ("web-1", "web", "shop", "own vpc", "interface")),
        ({"srcaddr": "2001:db8:a:1::7"}, ("web-1", "web", "shop", "own vpc", "interface")),
        ({"srcaddr": "203.0.113.7"}, ("web-1", "web", "shop", "own vpc", "interface")),
        ({"srcaddr": "10.0.1.8"}, ("NAT", "web", "shop", "own vpc", "address")),
        ({"srcaddr": "10.0.1.9"}, ("after", "web", "shop", "own vpc", "address")),
        ({"srcaddr": "10.0.1.9", "start": NEW_YEAR_2026 - 1},
         ("before", "web", "shop", "own vpc", "address")),
        ({"srcaddr": "10.0.1.10"}, (None, "web", "shop", "own vpc", "ambiguous")),
        ({"srcaddr": "10.0.1.99"}, (None, "web", "shop", "own vpc", "cidr")),
        ({"srcaddr": "10.0.200.1"}, (None, None, "shop", "own vpc", "cidr")),
        ({"srcaddr": "2001:db8:a:1::99"}, (None, "six", "shop", "own vpc", "cidr")),
        ({"srcaddr": "10.9.1.5"}, ("far box", "far", "peered", "other vpc", "address")),
        ({"srcaddr": "10.9.1.6"}, (None, "far", "peered", "other vpc", "cidr")),
        ({"srcaddr": "10.8.0.1"}, (None, None, None, "private, unknown", "ambiguous")),
        ({"srcaddr": "192.168.1.1"}, (None, None, None, "private, unknown", None)),
        ({"srcaddr": "198.51.100.1"}, (None, None, None, "internet", None)),
        ({"srcaddr": "52.95.128.179", "pkt_src_aws_service": "S3"},
         ("S3", None, None, "aws service", "record")),
        ({"srcaddr": "10.0.1.8", "pkt_srcaddr": "52.95.128.179", "pkt_src_aws_service": "S3"},
         ("NAT", "web", "shop", "own vpc", "address")),
        ({"srcaddr": None}, (None, None, None, None, None)),
    ]  # fmt: skip

    found = label(spark, TABLES, *({**at, **differs} for differs, _ in cases))

    columns = "src_name src_subnet_name src_vpc_name src_ring src_basis".split()
    for row, (differs, expected) in zip(found, cases, strict=True):
        assert tuple(row[column] for column in columns) == expected, differs


def test_an_equal_address_is_named_by_the_vpc_of_the_record(spark: SparkSession) -> None:
    in_shop, in_lab, by_interface, unknown = label(
        spark,
        TABLES,
        {"vpc_id": "vpc-a", "srcaddr": "10.0.1.7"},
        {"vpc_id": "vpc-b", "srcaddr": "10.0.1.7"},
        {"interface_id": "eni-3", "srcaddr": "10.0.1.7"},  # version 2 has no vpc-id
        {"srcaddr": "10.0.1.7"},
    )

    assert (in_shop["src_name"], in_shop["src_subnet_name"]) == ("web-1", "web")
    assert (in_lab["src_name"], in_lab["src_subnet_name"]) == ("lab box", "lab web")
    assert (by_interface["src_name"], by_interface["record_vpc_id"]) == ("lab box", "vpc-b")
    assert (unknown["src_name"], unknown["src_basis"]) == (None, "ambiguous")


def test_direction_tells_the_records_own_end_where_labels_know_no_address(
    spark: SparkSession,
) -> None:
    tables = {"interfaces": rows_of({"interface_id": "eni-1", "description": "web"})}
    at: Cells = {
        "interface_id": "eni-1", "vpc_id": "vpc-z", "instance_id": "i-z", "subnet_id": "subnet-z",
        "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2",
    }  # fmt: skip

    out, back, unknown = label(
        spark, tables, {**at, "flow_direction": "egress"}, {**at, "flow_direction": "ingress"}, at
    )

    own = ("web", "eni-1", "i-z", "subnet-z", "vpc-z", "other vpc", "interface")
    nobody = (None, None, None, None, None, "private, unknown", None)
    columns = "name interface_id instance_id subnet_id vpc_id ring basis".split()
    for row, src, dst in ((out, own, nobody), (back, nobody, own), (unknown, nobody, nobody)):
        assert tuple(row[f"src_{column}"] for column in columns) == src
        assert tuple(row[f"dst_{column}"] for column in columns) == dst


def test_the_packets_own_ends_are_named_where_they_differ(spark: SparkSession) -> None:
    nat = {"interface_id": "eni-2", "vpc_id": "vpc-a", "srcaddr": "10.0.1.7", "dstaddr": "10.0.1.8"}
    behind, same, far = label(
        spark,
        TABLES,
        {**nat, "pkt_srcaddr": "10.0.1.7", "pkt_dstaddr": "52.95.128.179",
         "pkt_dst_aws_service": "S3"},
        {**nat, "pkt_srcaddr": "10.0.1.7", "pkt_dstaddr": "10.0.1.8"},
        {**nat, "pkt_srcaddr": "10.9.1.5", "pkt_dstaddr": "2001:db8:a:1::7"},
    )  # fmt: skip

    columns = "name interface_id instance_id subnet_name ring basis".split()
    nothing = (None,) * 6
    for row, src, dst in (
        (behind, nothing, ("S3", None, None, None, "aws service", "record")),
        (same, nothing, nothing),
        (far, ("far box", "eni-8", None, "far", "other vpc", "address"),
         ("web-1", "eni-1", "i-1", "web", "own vpc", "address")),
    ):  # fmt: skip
        assert tuple(row[f"pkt_src_{column}"] for column in columns) == src
        assert tuple(row[f"pkt_dst_{column}"] for column in columns) == dst


def test_what_is_ambiguous_names_its_candidates(spark: SparkSession) -> None:
    at = {"interface_id": "eni-1", "vpc_id": "vpc-a", "start": NEW_YEAR_2026}
    cases: list[tuple[Cells, tuple[object, ...]]] = [
        ({"srcaddr": "10.0.1.10"}, ("ambiguous", ["eni-6", "eni-7"], "subnet-a1")),
        ({"srcaddr": "10.0.1.10", "interface_id": "eni-7"}, ("interface", None, "subnet-a1")),
        ({"srcaddr": "10.8.0.1"}, ("ambiguous", ["vpc-d", "vpc-e"], None)),
        # Nothing is known of the networks of this VPC: it may use the range for itself.
        ({"srcaddr": "10.9.1.5", "vpc_id": "vpc-z"}, ("ambiguous", ["eni-8"], None)),
        ({"srcaddr": "10.9.1.6", "vpc_id": "vpc-z"}, ("ambiguous", ["subnet-c1"], None)),
        ({"srcaddr": "10.0.1.7", "vpc_id": None, "interface_id": None},
         ("ambiguous", ["eni-1", "eni-3"], None)),
    ]  # fmt: skip

    found = label(spark, TABLES, *({**at, **differs} for differs, _ in cases))

    for row, (differs, expected) in zip(found, cases, strict=True):
        assert (row["src_basis"], row["src_candidates"], row["src_subnet_id"]) == expected, differs


def test_public_addresses_and_aws_ranges_name_what_no_network_holds(spark: SparkSession) -> None:
    tables = {
        **TABLES,
        "aws_ranges": rows_of(
            {"cidr": "52.94.0.0/15", "service": "AMAZON"},
            {"cidr": "52.95.128.0/21", "service": "S3"},
            {"cidr": "52.95.128.0/21", "service": "AMAZON"},
            {"cidr": "203.0.113.0/24", "service": "EC2"},
            {"cidr": "2600:1f00::/24", "service": "AMAZON"},
        ),
    }
    cases: list[tuple[Cells, tuple[object, ...]]] = [
        ({"srcaddr": "203.0.113.7"}, ("web-1", "own vpc", "public address")),
        ({"srcaddr": "203.0.113.8"}, ("EC2", "aws service", "aws ranges")),
        ({"srcaddr": "52.95.128.179"}, ("S3", "aws service", "aws ranges")),
        ({"srcaddr": "52.95.127.255"}, ("AMAZON", "aws service", "aws ranges")),
        ({"srcaddr": "52.95.136.0", "pkt_src_aws_service": "EC2"},
         ("EC2", "aws service", "record")),
        ({"srcaddr": "52.95.128.1", "pkt_src_aws_service": "AMAZON"},
         ("S3", "aws service", "aws ranges")),
        ({"srcaddr": "2600:1fff::1"}, ("AMAZON", "aws service", "aws ranges")),
        ({"srcaddr": "52.96.0.0"}, (None, "internet", None)),
    ]  # fmt: skip

    found = label(spark, tables, *({"vpc_id": "vpc-z", **differs} for differs, _ in cases))

    for row, (differs, expected) in zip(found, cases, strict=True):
        assert (row["src_name"], row["src_ring"], row["src_basis"]) == expected, differs


def test_a_prefix_list_names_ends_that_nothing_else_names(spark: SparkSession) -> None:
    tables = {
        **TABLES,
        "aws_ranges": rows_of({"cidr": "52.95.128.0/21", "service": "S3"}),
        "prefix_lists": rows_of(
            {"prefix_list_id": "pl-1", "name": "offices", "cidr": "198.51.100.0/24"},
            {"prefix_list_id": "pl-1", "name": "offices", "cidr": "198.51.100.64/26",
             "description": "Lyon"},
            {"prefix_list_id": "pl-2", "cidr": "192.168.0.0/16"},
            {"prefix_list_id": "pl-3", "name": "everyone", "cidr": "0.0.0.0/0"},
            {"prefix_list_id": "pl-4", "name": "s3 by list", "cidr": "52.95.128.0/24"},
            {"prefix_list_id": "pl-5", "name": "the shop", "cidr": "10.0.0.0/8"},
        ),
    }  # fmt: skip
    cases: list[tuple[Cells, tuple[object, ...]]] = [
        ({"srcaddr": "198.51.100.1"}, ("offices", "internet", "prefix list")),
        ({"srcaddr": "198.51.100.65"}, ("Lyon", "internet", "prefix list")),
        ({"srcaddr": "192.168.1.1"}, ("pl-2", "private, unknown", "prefix list")),
        ({"srcaddr": "198.51.101.1"}, (None, "internet", None)),
        ({"srcaddr": "52.95.128.1"}, ("S3", "aws service", "aws ranges")),
        ({"srcaddr": "10.0.1.8"}, ("NAT", "own vpc", "address")),
        ({"srcaddr": "10.0.1.99"}, (None, "own vpc", "cidr")),
    ]

    found = label(spark, tables, *({"vpc_id": "vpc-a", **differs} for differs, _ in cases))

    for row, (differs, expected) in zip(found, cases, strict=True):
        assert (row["src_name"], row["src_ring"], row["src_basis"]) == expected, differs


def test_names_networks_and_owners_are_those_of_the_time(spark: SparkSession) -> None:
    until, since = {"valid_to": "1970-01-01T00:01:40Z"}, {"valid_from": "1970-01-01T00:01:40Z"}
    tables = {
        "vpcs": rows_of(
            {"vpc_id": "vpc-a", "name": "old", "cidrs": "10.0.0.0/16", **until},
            {"vpc_id": "vpc-a", "name": "new", "cidrs": "10.0.0.0/16 10.1.0.0/16", **since},
        ),
        "subnets": rows_of(
            {"subnet_id": "subnet-1", "name": "one", "vpc_id": "vpc-a", "cidrs": "10.0.1.0/24",
             **until},
            {"subnet_id": "subnet-2", "name": "two", "vpc_id": "vpc-a", "cidrs": "10.0.1.0/25",
             **since},
        ),
        "instances": rows_of({"instance_id": "i-1", "name": "before", **until},
                             {"instance_id": "i-1", "name": "after", **since}),
        "interfaces": rows_of({"interface_id": "eni-1", "vpc_id": "vpc-a", "instance_id": "i-1",
                               "addresses": "10.0.1.7"}),
    }  # fmt: skip
    cases: list[tuple[Cells, tuple[object, ...]]] = [
        ({"srcaddr": "10.0.1.7", "start": 99}, ("before", "one", "old", "address")),
        ({"srcaddr": "10.0.1.7", "start": 100}, ("after", "two", "new", "address")),
        ({"srcaddr": "10.0.1.200", "start": 99}, (None, "one", "old", "cidr")),
        ({"srcaddr": "10.0.1.200", "start": 100}, (None, None, "new", "cidr")),
        ({"srcaddr": "10.1.0.1", "start": 99}, (None, None, None, None)),
        ({"srcaddr": "10.1.0.1", "start": 100}, (None, None, "new", "cidr")),
    ]

    found = label(spark, tables, *({"vpc_id": "vpc-a", **differs} for differs, _ in cases))

    columns = "src_name src_subnet_name src_vpc_name src_basis".split()
    for row, (differs, expected) in zip(found, cases, strict=True):
        assert tuple(row[column] for column in columns) == expected, differs


def test_two_owners_of_one_thing_at_one_time_are_said() -> None:
    tables = {
        "interfaces": rows_of(
            {"interface_id": "eni-1", "vpc_id": "vpc-a", "addresses": "10.0.0.1",
             "public_addresses": "203.0.113.1"},
            {"interface_id": "eni-2", "vpc_id": "vpc-a", "addresses": "10.0.0.1"},
            {"interface_id": "eni-3", "vpc_id": "vpc-b", "addresses": "10.0.0.1",
             "public_addresses": "203.0.113.1"},
            {"interface_id": "eni-4", "vpc_id": "vpc-a", "addresses": "10.0.0.2",
             "valid_to": "2026-01-01T00:00:00Z"},
            {"interface_id": "eni-5", "vpc_id": "vpc-a", "addresses": "10.0.0.2",
             "valid_from": "2026-01-01T00:00:00Z"},
        ),
        "subnets": rows_of(
            {"subnet_id": "subnet-1", "vpc_id": "vpc-a", "cidrs": "10.0.0.0/24"},
            {"subnet_id": "subnet-2", "vpc_id": "vpc-a", "cidrs": "10.0.0.0/24"},
        ),
    }  # fmt: skip

    built, problems = build_label_tables(tables)

    ending = "at the same time; it is labelled ambiguous"
    assert problems == []
    assert built.conflicts == [
        f"labels give 10.0.0.1 in vpc-a to eni-1 and to eni-2 {ending}",
        f"labels give 203.0.113.1 as public address to eni-1 and to eni-3 {ending}",
        f"labels give 10.0.0.0/24 of vpc-a to subnet-1 and to subnet-2 {ending}",
    ]


def test_the_interface_of_the_record_gets_its_names(spark: SparkSession) -> None:
    own, by_label, unknown = label(
        spark,
        TABLES,
        {"interface_id": "eni-2", "vpc_id": "vpc-a", "subnet_id": "subnet-a1"},
        {"interface_id": "eni-1"},
        {"interface_id": "eni-9", "vpc_id": "vpc-9"},
    )

    columns = "interface_name subnet_name vpc_name instance_name".split()
    assert [own[column] for column in columns] == ["NAT", "web", "shop", None]
    assert [by_label[column] for column in columns] == ["web-1", "web", "shop", "web-1"]
    assert [unknown[column] for column in columns] == [None] * 4


ids = st.sampled_from(["eni-1", "eni-2", "eni-3", "eni-4"])
some_addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1"])
vpc_ids = st.sampled_from(["vpc-a", "vpc-b"]) | st.none()
cidrs = st.sampled_from(["10.0.0.0/16", "10.0.0.0/24", "10.0.0.0/8", "2001:db8::/56"])

spans = st.sampled_from(
    [
        {},
        {"valid_from": "1970-01-01T00:00:05Z"},
        {"valid_to": "1970-01-01T00:00:05Z"},
        {"valid_from": "1970-01-01T00:00:03Z", "valid_to": "1970-01-01T00:00:07Z"},
    ]
)


@st.composite
def hostile_tables(draw: st.DrawFn) -> dict[str, list[LabelRow]]:
    """Labels with one row per id, and every other conflict there can be."""

    def cells(**values: object) -> Cells:
        return {name: value for name, value in values.items() if value}

    interfaces = [
        cells(
            interface_id=name,
            vpc_id=draw(vpc_ids),
            addresses=draw(st.lists(some_addresses, max_size=3)),
            description=draw(st.sampled_from(["x", "=1+1", None])),
            **draw(spans),
        )
        for name in draw(st.lists(ids, unique=True))
    ]
    subnets = [
        cells(
            subnet_id=f"subnet-{n}",
            vpc_id=draw(vpc_ids),
            cidrs=draw(st.lists(cidrs, max_size=3)),
            **draw(spans),
        )
        for n in range(draw(st.integers(0, 5)))
    ]
    vpcs = [cells(vpc_id="vpc-a", cidrs=draw(st.lists(cidrs, max_size=4)))]
    return {
        "interfaces": rows_of(*interfaces),
        "subnets": rows_of(*subnets),
        "vpcs": rows_of(*vpcs),
    }


@st.composite
def some_records(draw: st.DrawFn) -> Cells:
    return {
        "interface_id": draw(ids | st.none()),
        "vpc_id": draw(vpc_ids),
        "srcaddr": draw(some_addresses | st.none()),
        "dstaddr": draw(some_addresses | st.none()),
        "start": draw(st.none() | st.integers(2, 8)),
    }


@settings(max_examples=5, deadline=None)
@given(hostile_tables(), st.lists(some_records(), min_size=20, max_size=60))
def test_no_label_adds_or_removes_a_flow_and_their_order_does_not_matter(
    spark: SparkSession, tables: dict[str, list[LabelRow]], records: list[Cells]
) -> None:
    labelled = label(spark, tables, *records)

    assert [row["number"] for row in labelled] == list(range(len(records)))
    for row, record in zip(labelled, records, strict=True):
        assert {name: row[name] for name in record} == record

    turned = {table: rows[::-1] for table, rows in reversed(tables.items())}
    assert label(spark, turned, *records) == labelled  # whatever the order of the label rows


def test_the_ring_of_an_address_that_no_label_knows_is_its_range(spark: SparkSession) -> None:
    home = home_of(["vpc-a"], ["10.0.1.7", "2001:db8:a:9::7", "fe80::1"])
    expected = {
        "10.77.0.1": "private, unknown", "100.64.0.1": "private, unknown",
        "fd00::1": "private, unknown", "2001:db8:a:9::ffff": "own vpc",
        "2001:db8:a:8::7": "internet", "192.0.2.1": "internet", "203.0.113.9": "internet",
        "127.0.0.1": "reserved", "169.254.169.254": "reserved", "fe80::2": "reserved",
        "224.0.0.251": "reserved", "255.255.255.255": "reserved", "ff02::fb": "reserved",
        "0.0.0.0": "reserved", "::1": "reserved",
    }  # fmt: skip
    nothing, _ = build_label_tables({})
    records: list[Cells] = [{"srcaddr": address} for address in expected]
    flows = flows_of(spark, *records)

    rows = flows.transform(label_with, as_lookups(spark, nothing), home).collect()

    assert {row["srcaddr"]: row["src_ring"] for row in rows} == expected

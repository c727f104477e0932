"""What left through a transit gateway, and whether a flow log looks at where it went."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pyspark.sql import DataFrame

from tests.support.spark import Table
from transforms.subject.identity import Holding, Subject
from transforms.transit.passages import Passage, passages_of, transit_lines
from transforms.transit.rows import transit_rows

NOON = 1_795_435_200  # 2026-11-23 12:00:00 UTC
OWN, FAR = "vpc-a", "vpc-b"
SUBJECT = Subject(("i-0a",), (OWN,), ("eni-0a",), (Holding("10.20.1.13", None, None, ()),))

Record = dict[str, str | None]


def out(**differs: str | None) -> Record:
    """A SYN of the subject, where it comes into the gateway."""
    return {
        "resource_type": "TransitGateway", "tgw_id": "tgw-1", "tgw_attachment_id": "att-a",
        "tgw_pair_attachment_id": "att-b", "flow_direction": "ingress", "tgw_src_vpc_id": OWN,
        "tgw_dst_vpc_id": FAR, "tgw_src_vpc_account_id": "111122223333",
        "tgw_dst_vpc_account_id": "444455556666", "srcaddr": "10.20.1.13", "dstaddr": "10.30.1.4",
        "srcport": "40000", "dstport": "22", "protocol": "6", "packets": "3", "bytes": "180",
        "tcp_flags": "2", "start": str(NOON), "end": str(NOON + 59), **differs,
    }  # fmt: skip


def back(**differs: str | None) -> Record:
    """What the peer answers, where it comes into the gateway."""
    return out(**{
        "tgw_attachment_id": "att-b", "tgw_pair_attachment_id": "att-a", "tgw_src_vpc_id": FAR,
        "tgw_dst_vpc_id": OWN, "tgw_src_vpc_account_id": "444455556666",
        "tgw_dst_vpc_account_id": "111122223333", "srcaddr": "10.30.1.4", "dstaddr": "10.20.1.13",
        "srcport": "22", "dstport": "40000", "packets": "2", "tcp_flags": "18", **differs,
    })  # fmt: skip


def leaving(record: Record, **differs: str | None) -> Record:
    """The same packets where they leave the gateway."""
    turned = {
        "tgw_attachment_id": record["tgw_pair_attachment_id"],
        "tgw_pair_attachment_id": record["tgw_attachment_id"],
        "flow_direction": "egress",
    }
    return {**record, **turned, **differs}


def scanned(table: Table, records: Iterable[Record]) -> DataFrame:
    """Scanned rows, each of a line of one object."""
    schema = """object_uri STRING, object_version STRING, object_line BIGINT, run_id STRING,
        transit MAP<STRING,STRING>"""
    rows = [
        ("file:///o", "etag", line, "run", {name: text for name, text in record.items() if text})
        for line, record in enumerate(records, start=2)
    ]
    return table(schema, *rows)


def passages(table: Table, *records: Record) -> list[Passage]:
    rows = transit_rows(scanned(table, records), SUBJECT).where("is_kept")
    return [Passage(**row.asDict()) for row in passages_of(rows).collect()]


def test_a_row_has_every_field_typed_and_the_side_of_the_subject(table: Table) -> None:
    records = [
        out(new_field="x", packets_lost_no_route="1"),
        back(),
        out(srcaddr="10.20.1.99"),
        # the same address in another VPC is another machine's
        out(tgw_src_vpc_id="vpc-c"),
        out(tgw_src_vpc_id=None),
    ]

    rows = transit_rows(scanned(table, records), SUBJECT).orderBy("object_line").collect()

    assert [(row["side"], row["is_kept"]) for row in rows] == [
        ("src", True), ("dst", True), (None, False), (None, False), ("src", True),
    ]  # fmt: skip
    first = rows[0].asDict()
    assert (first["tgw_dst_vpc_id"], first["tgw_dst_vpc_account_id"]) == (FAR, "444455556666")
    assert (first["dstport"], first["packets_lost_no_route"]) == (22, 1)
    assert first["start_at"].replace(tzinfo=UTC) == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert (first["extra"], rows[1]["extra"]) == ({"new_field": "x"}, None)
    assert len({row["record_id"] for row in rows}) == 5


def test_without_a_subject_every_record_is_kept(table: Table) -> None:
    rows = transit_rows(scanned(table, [out(), back(srcaddr=None)]), None).collect()

    assert [(row["side"], row["is_kept"]) for row in rows] == [(None, True), (None, True)]


def test_an_address_is_the_subjects_only_while_it_has_it(table: Table) -> None:
    holding = Holding("10.20.1.13", NOON, NOON + 300, ())
    records = [out(start=str(NOON + at), end=str(NOON + at + 10)) for at in (-60, 0, 299, 300)]

    rows = transit_rows(scanned(table, records), SUBJECT._replace(holdings=(holding,)))

    found = rows.orderBy("object_line").collect()
    assert [row["side"] for row in found] == [None, "src", "src", None]


def test_packets_count_once_though_both_attachments_record_them(table: Table) -> None:
    copy = out()
    (passage,) = passages(
        table, out(), copy, leaving(out()), back(), leaving(back()),
        out(start=str(NOON + 60), end=str(NOON + 90), packets="4", packets_lost_blackhole="1"),
    )  # fmt: skip

    assert passage == Passage(
        peer="10.30.1.4", protocol=6, port=22, initiator="subject", vpc_id=FAR,
        account_id="444455556666", attachment_id="att-a", connections=1, records_out=2,
        records_in=1, packets_out=7, packets_in=2, packets_lost=1,
        first_at=passage.first_at, last_at=passage.last_at,
    )  # fmt: skip


# Records of one connection, who began, and the port of the other side.
BEGAN: list[tuple[list[Record], str, int | None]] = [
    ([out()], "subject", 22),
    ([out(tcp_flags=None, protocol="17")], "subject", 22),
    ([back()], "subject", 22),  # a SYN-ACK alone answers a SYN
    ([back(tcp_flags="2")], "peer", 40_000),
    ([out(tcp_flags="18"), back(tcp_flags="2")], "peer", 40_000),
    ([out(tcp_flags="2"), back(tcp_flags="16")], "subject", 22),
    ([out(tcp_flags="24"), back(tcp_flags="24")], "unknown", None),
    ([out(tcp_flags=None), back(tcp_flags=None)], "unknown", None),
    ([out(tcp_flags="4")], "unknown", None),  # a reset alone may be an answer
    ([out(tcp_flags="18"), back(tcp_flags="18")], "unknown", None),
]


def test_who_began_is_as_certain_as_the_records_make_it(table: Table) -> None:
    def of_peer(record: Record, number: int) -> Record:
        far = "dstaddr" if record["srcaddr"] == "10.20.1.13" else "srcaddr"
        return {**record, far: f"10.30.2.{number}"}

    records = [
        of_peer(record, number)
        for number, (records, _, _) in enumerate(BEGAN)
        for record in records
    ]

    found = {int(p.peer.rpartition(".")[2]): (p.initiator, p.port)
             for p in passages(table, *records)}  # fmt: skip

    assert found == {number: (began, port) for number, (_, began, port) in enumerate(BEGAN)}


def test_packets_that_are_not_recorded_are_unknown_and_no_zero(table: Table) -> None:
    (passage,) = passages(table, out(packets=None), back())

    assert (passage.packets_out, passage.packets_in) == (None, 2)


def test_a_sweep_is_a_passage_per_peer_and_service(table: Table) -> None:
    found = passages(
        table,
        *(out(dstaddr=f"10.30.1.{host}", srcport=str(40_000 + n), start=str(NOON + host))
          for host in (4, 5) for n in (0, 1)),
    )  # fmt: skip

    assert [(p.peer, p.port, p.connections, p.packets_out) for p in found] == [
        ("10.30.1.4", 22, 2, 6),
        ("10.30.1.5", 22, 2, 6),
    ]


AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
PASSAGE = Passage(
    peer="10.30.1.4", protocol=6, port=22, initiator="subject", vpc_id=FAR,
    account_id="444455556666", attachment_id="att-a", connections=2, records_out=2, records_in=0,
    packets_out=6, packets_in=0, packets_lost=0, first_at=AT, last_at=AT,
)  # fmt: skip


def test_the_summary_names_what_left_to_where_no_flow_log_looks() -> None:
    seen = [
        PASSAGE,
        PASSAGE._replace(peer="10.40.1.4", vpc_id="vpc-c", connections=1),
        PASSAGE._replace(initiator="peer", port=443, connections=5),
        PASSAGE._replace(
            peer="192.168.7.7", vpc_id=None, account_id=None, port=None, initiator="unknown",
            connections=1, records_in=3, packets_out=None, packets_in=None, packets_lost=4,
        ),
    ]  # fmt: skip

    assert list(transit_lines(seen, frozenset({OWN, "vpc-c"}))) == [
        "Transit     9 connections of the subject passed a transit gateway; 4 connections that the "
        "peer did not begin, 3 connections of them to where no flow log of this run looks",
        "  - 10.30.1.4 tcp 22 through att-a to vpc-b of account 444455556666: 6 packets sent, "
        "nothing came back, 2026-11-23 12:00:00 UTC",
        "  - 192.168.7.7 tcp through att-a to no VPC (VPN, Direct Connect or peering): sent, "
        "something came back, 4 packets lost on the way, 2026-11-23 12:00:00 UTC, who began is "
        "unknown",
    ]


def test_the_summary_says_how_much_it_leaves_out() -> None:
    many = [PASSAGE._replace(peer=f"10.30.1.{host}") for host in range(7)]

    first, *shown, last = transit_lines(many, frozenset(), are_all=False)

    assert first.startswith("Transit     at least 14 connections of the subject passed")
    assert len(shown) == 5
    assert last == "  … and 2 more: all are in the table transit"
    assert list(transit_lines([], frozenset())) == []

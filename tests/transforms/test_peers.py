"""Peers: attempts by five-tuple, whoever saw them."""

from datetime import UTC, datetime

from pyspark.sql import DataFrame

from tests.conftest import Table
from transforms.peers import internal_peers, ranked

SUSPECT, PEER = "10.0.0.7", "10.0.0.9"
AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
SCHEMA = """role STRING, flow_direction STRING, protocol BIGINT, srcaddr STRING, srcport BIGINT,
    dstaddr STRING, dstport BIGINT, action STRING, tcp_flags BIGINT, start_at TIMESTAMP,
    end_at TIMESTAMP, src_name STRING, src_subnet_name STRING, src_scope STRING, dst_name STRING,
    dst_subnet_name STRING, dst_scope STRING"""


def out(port: int, service: int, **differs: object) -> dict[str, object]:
    """A record from the suspect to the peer."""
    return {
        "role": "own_interface", "flow_direction": "egress", "protocol": 6, "srcaddr": SUSPECT,
        "srcport": port, "dstaddr": PEER, "dstport": service, "action": "ACCEPT", "start_at": AT,
        "end_at": AT, "src_scope": "internal", "dst_name": "db-1", "dst_scope": "internal",
        **differs,
    }  # fmt: skip


def back(port: int, service: int, **differs: object) -> dict[str, object]:
    """A record from the peer to the suspect."""
    return {
        **out(port, service), "flow_direction": "ingress", "srcaddr": PEER, "srcport": service,
        "dstaddr": SUSPECT, "dstport": port, "src_name": "db-1", "dst_name": None, **differs,
    }  # fmt: skip


def flows_of(table: Table, *records: dict[str, object]) -> DataFrame:
    names = [column.split()[0] for column in SCHEMA.split(",")]
    return table(SCHEMA, *(tuple(record.get(name) for name in names) for record in records))


def peers_of(table: Table, *records: dict[str, object]) -> list[tuple[object, ...]]:
    columns = "peer peer_name service_port started_by accepted rejected answered".split()
    found = internal_peers(flows_of(table, *records), [SUSPECT]).select(*columns)
    return sorted(tuple(row) for row in found.collect())


def test_one_connection_seen_twice_each_way_is_one_answered_attempt(table: Table) -> None:
    seen = [
        out(40_000, 22, tcp_flags=2),
        out(40_000, 22, role="other_end", flow_direction="ingress", tcp_flags=2),
        back(40_000, 22, tcp_flags=18),
        back(40_000, 22, role="other_end", flow_direction="egress", tcp_flags=18),
    ]

    assert peers_of(table, *seen) == [(PEER, "db-1", 22, "subject", 1, 0, 1)]


def test_what_the_peers_interface_rejects_is_rejected_though_the_own_one_accepts(
    table: Table,
) -> None:
    seen = [
        out(40_000, 5432, tcp_flags=2),
        out(40_000, 5432, role="other_end", action="REJECT", flow_direction="ingress", tcp_flags=2),
        out(40_001, 5432, tcp_flags=2),
    ]

    assert peers_of(table, *seen) == [(PEER, "db-1", 5432, "subject", 1, 1, 0)]


def test_the_side_that_sent_the_syn_began_whatever_the_ports(table: Table) -> None:
    seen = [back(22, 40_000, tcp_flags=2), out(22, 40_000, tcp_flags=18)]

    assert peers_of(table, *seen) == [(PEER, "db-1", 22, "peer", 1, 0, 1)]


def test_without_flags_the_rejected_side_began_else_the_higher_port(table: Table) -> None:
    assert peers_of(table, out(22, 40_000, action="REJECT")) == [
        (PEER, "db-1", 40_000, "subject", 0, 1, 0)
    ]
    assert peers_of(table, out(22, 40_000)) == [(PEER, "db-1", 22, "peer", 1, 0, 0)]


def test_the_internet_and_flows_whose_own_end_is_unknown_are_left_out(table: Table) -> None:
    outside = out(40_000, 443, dstaddr="198.51.100.1", dst_scope="internet")
    unknown = out(40_001, 22, srcaddr="10.0.0.99", flow_direction=None)

    assert peers_of(table, outside, unknown) == []


def test_the_ranking_puts_answers_at_services_that_matter_first(table: Table) -> None:
    seen = [
        out(50_000, 8081), back(50_000, 8081),
        out(40_000, 5432, action="REJECT", dstaddr="10.0.0.20", dst_name="db-2"),
        out(40_001, 22), back(40_001, 22),
        out(40_002, 22, dstaddr="10.0.0.50", dst_name=None),
        out(40_003, 22, dstaddr="10.0.0.51", dst_name=None),
        back(10, 40_004, tcp_flags=2),
    ]  # fmt: skip
    columns = "peer_name peer addresses service_port started_by".split()

    shown = internal_peers(flows_of(table, *seen), [SUSPECT]).transform(ranked).select(*columns)

    assert [tuple(row) for row in shown.collect()] == [
        ("db-1", PEER, 1, 22, "subject"),
        ("db-2", "10.0.0.20", 1, 5432, "subject"),
        (None, None, 2, 22, "subject"),
        ("db-1", PEER, 1, 8081, "subject"),
        ("db-1", PEER, 1, 10, "peer"),
    ]

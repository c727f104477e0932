"""Addresses in one comparable form."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.support.spark import Table
from transforms.network.addresses import (
    address_literal,
    canonical,
    holds,
    is_private,
    key_sql,
    network_of,
)


def test_a_key_is_fixed_length_hex(table: Table) -> None:
    rows = table(
        "address STRING, expected STRING",
        ("10.0.0.7", "0a000007"),
        ("255.1.0.16", "ff010010"),
        ("2001:db8::15", "20010db8000000000000000000000015"),
        ("::", "00000000000000000000000000000000"),
        ("1:2:3:4:5:6:7:8", "00010002000300040005000600070008"),
        ("fe80::", "fe800000000000000000000000000000"),
        (None, None),
    )

    for key, expected in rows.selectExpr(key_sql("address"), "expected").collect():
        assert key == expected


@settings(max_examples=4, deadline=None)
@given(st.lists(st.ip_addresses(), min_size=50, max_size=100))
def test_keys_order_as_addresses_do_and_lie_in_their_networks(
    spark: SparkSession, addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
) -> None:
    texts = [
        (str(address),)
        for address in addresses
        if "." not in str(address)[3:] or address.version == 4
    ]
    keyed = spark.createDataFrame(texts, "address STRING").selectExpr(
        "*", f"{key_sql('address')} AS key"
    )

    for address, key in keyed.collect():
        parsed = ipaddress.ip_address(address)
        assert int(key, 16) == int(parsed)
        assert len(key) == parsed.max_prefixlen // 4
        length = parsed.max_prefixlen - 4
        network = network_of(str(ipaddress.ip_network(f"{address}/{length}", strict=False)))
        assert network.first <= key <= network.last
        assert holds(network, address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2001:DB8:0::0015", "2001:db8::15"),
        (" 10.0.0.7 ", "10.0.0.7"),
        ("10.0.0", None),
        ("name", None),
    ],
)
def test_canonical_is_the_shortest_spelling_or_nothing(text: str, expected: str | None) -> None:
    assert canonical(text) == expected


def test_private_ranges(table: Table) -> None:
    rows = table(
        "address STRING, expected BOOLEAN",
        ("10.0.0.0", True), ("10.255.255.255", True), ("11.0.0.0", False),
        ("172.15.255.255", False), ("172.16.0.0", True), ("172.31.255.255", True),
        ("192.168.0.0", True), ("100.64.0.1", True), ("100.128.0.0", False),
        ("203.0.113.9", False), ("fd00::1", True), ("fe80::1", False), ("2001:db8::1", False),
    ).selectExpr("*", f"{key_sql('address')} AS key")  # fmt: skip

    for found, expected, address in rows.selectExpr(
        is_private("key"), "expected", "address"
    ).collect():
        assert found == expected, address


@pytest.mark.parametrize(
    "text",
    [
        "fe80::1%eth0",
        "fe80::1%') OR true OR srcaddr IN ('",
        "fe80::1%'",
        "10.0.0.7' OR '1'='1",
        "10.0.0.7\x1b",
        "10.0.0.7,10.0.0.8",
        "",
    ],
)
def test_a_zone_or_anything_else_around_an_address_is_no_address(text: str) -> None:
    assert canonical(text) is None
    with pytest.raises(ValueError, match="expected an address in its shortest spelling"):
        address_literal(text)


@pytest.mark.parametrize("text", ["fe80::%eth0/64", "fe80::1%' OR '/128"])
def test_a_network_with_a_zone_is_no_network(text: str) -> None:
    with pytest.raises(ValueError, match="has a zone"):
        network_of(text)


@given(
    st.one_of(
        st.text(),
        st.ip_addresses().map(str),
        st.builds("{}%{}".format, st.ip_addresses(v=6), st.text()),
    )
)
def test_a_literal_holds_nothing_but_digits_dots_and_colons(text: str) -> None:
    try:
        literal = address_literal(text)
    except ValueError:
        return
    assert set(literal[1:-1]) <= set("0123456789abcdef.:")
    assert literal == f"'{text}'"


def test_only_the_shortest_spelling_becomes_a_literal() -> None:
    assert address_literal("2001:db8::15") == "'2001:db8::15'"
    with pytest.raises(ValueError, match="shortest spelling"):
        address_literal("2001:DB8:0::15")

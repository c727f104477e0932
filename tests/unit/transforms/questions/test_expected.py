"""Expected peers: what each form means, and which rows it leaves out."""

import pytest
from pyspark.sql import SparkSession

from transforms.questions.expected import expected_peer, resolved, unexpected_sql

ROWS: list[tuple[str, str, int | None]] = [
    ("a", "10.0.3.5", 443),
    ("b", "10.0.3.5", 22),
    ("c", "10.0.3.5", None),  # nobody knows who began
    ("d", "10.0.4.9", 443),
    ("e", "10.0.4.0", 443),
    ("f", "10.0.5.0", 443),
    ("g", "fd00::1:9", 443),
    ("h", "fd00::2:9", 443),
]


@pytest.mark.parametrize(
    ("written", "left_out"),
    [
        ([], ""),
        (["10.0.3.5"], "abc"),
        (["10.0.3.5:443"], "a"),
        (["10.0.4.0/24:443"], "de"),
        (["10.0.4.0/24:22"], ""),
        (["10.0.4.9/32:443"], "d"),
        (["fd00::1:9"], "g"),
        (["[fd00::1:9]:443"], "g"),
        (["[FD00::1:0/112]:443"], "g"),
        (["db-1:443"], "df"),
        (["10.0.3.5:22", "[fd00::/64]:443", "db-1:22"], "bgh"),
    ],
)
def test_what_each_form_leaves_out(spark: SparkSession, written: list[str], left_out: str) -> None:
    peers = resolved(map(expected_peer, written), {"db-1": ("10.0.4.9", "10.0.5.0")})
    rows = spark.createDataFrame(ROWS, "row STRING, peer STRING, service_port INT")

    stay = [row["row"] for row in rows.where(unexpected_sql(peers)).collect()]

    assert stay == [name for name, _, _ in ROWS if name not in left_out]


@pytest.mark.parametrize(
    "text",
    [
        "db-1",  # a name needs a port
        "10.0.3.0/24",  # so does a subnet
        "10.0.3.5:65536",
        "10.0.3.5:",
        ":443",
        "10.0.3.5/24:443",  # bits of a host
        "0.0.0.0/0:443",  # everything
        "fd00::1:443:",
        "fe80::1%eth0:443",
        "[fe80::1%eth0]:443",
    ],
)
def test_what_says_too_little_or_too_much_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is|has"):
        expected_peer(text)


def test_a_colon_alone_never_makes_a_port_of_an_address() -> None:
    """RFC 5952 section 6: an IPv6 address with a port stands in brackets."""
    assert expected_peer("fd00::1:443").port is None
    with pytest.raises(ValueError, match="two ways"):
        expected_peer("1:2:3:4:5:6:7:8:443")


def test_text_is_not_code() -> None:
    peer = expected_peer("x') OR ('1'='1:443")

    assert unexpected_sql(resolved([peer], {peer.text.removesuffix(":443"): ("10.0.0.1",)})) == (
        "NOT coalesce(service_port = 443 AND peer IN ('10.0.0.1'), false)"
    )

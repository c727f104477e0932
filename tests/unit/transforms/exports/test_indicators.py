"""Which addresses outside a case names to others, and what it says of each."""

from tests.support.export_rows import (
    CAME_IN,
    FACTS,
    PEERS_ROWS,
    UPDATES,
    WENT_TO,
    at,
    peer,
)
from transforms.exports.indicators import indicators_of


def test_what_is_outside_and_not_ordinary_is_named_the_story_first() -> None:
    found = indicators_of(PEERS_ROWS, FACTS.acts)

    assert [
        (each.address, each.is_in_story, each.directions, each.techniques, each.conversations)
        for each in found
    ] == [
        (CAME_IN, True, ("inbound",), ("T1110",), 421),
        (WENT_TO, True, ("outbound",), ("T1048",), 1),
        (UPDATES, False, ("outbound",), (), 1),
    ]
    assert found[1].bytes_out == 2_468_573_015
    assert (found[2].bytes_out, found[2].bytes_in) == (None, 20)
    assert found[2].machines == ("10.20.2.22",)


def test_the_rows_of_an_address_are_one_indicator() -> None:
    rows = [
        peer("192.0.2.1", "subject", 443, standing="unknown", outcome="NO_ANSWER", attempts=3,
             first_at=at(5), last_at=at(6), bytes_out=1, reasons=["a", "b"]),
        peer("192.0.2.1", "peer", 22, standing="suspicious", outcome="ANSWERED", attempts=4,
             first_at=at(4), last_at=at(5), bytes_out=2, reasons=["b"], peer_name="odd host"),
        peer("192.0.2.1", "unknown", 53, protocol=17, standing="changed", outcome="BLOCKED_DST",
             attempts=5, bytes_out=3, first_at=at(5), last_at=at(9)),
        peer("192.0.2.1", "subject", 80, standing="ordinary", outcome="DATA", attempts=900),
    ]  # fmt: skip

    (found,) = indicators_of(rows, ())

    assert found.name == "odd host"
    assert found.directions == ("outbound", "inbound", "unknown")
    assert found.services == ("tcp 443", "tcp 22", "udp 53")
    assert (found.first_at, found.last_at) == (at(4), at(9))
    assert (found.conversations, found.bytes_out, found.bytes_in) == (12, 6, 60)
    assert (found.outcome, found.standing) == ("ANSWERED", "suspicious")
    assert found.reasons == ("a", "b")

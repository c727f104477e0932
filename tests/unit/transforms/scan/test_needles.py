"""Needles: a superset of the subject's lines, and not much more."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.scan.needles import Finder, needles_of


def finds(line: str, ids: tuple[str, ...] = (), addresses: tuple[str, ...] = ()) -> bool:
    return len(Finder(needles_of(ids, addresses), b"").find(line.encode() + b"\n").needles) > 0


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("eni-1 10.0.0.7 -", True),
        ("10.0.0.7", True),
        ("eni-1 10.0.0.71 -", False),
        ("eni-1 110.0.0.7 -", False),
        ("eni-1 10.0.0.7.1 -", False),
        ("eni-1 10.0.0.71 10.0.0.7", True),
        ('{"message":"eni-1 10.0.0.7"}', True),
    ],
)
def test_an_address_is_found_as_a_whole_token(line: str, is_found: bool) -> None:
    assert finds(line, addresses=("10.0.0.7",)) == is_found


def test_an_id_is_found_as_a_whole_token() -> None:
    assert finds("5 eni-0123abcd -", ids=("eni-0123abcd",))
    assert not finds("5 eni-0123abcde -", ids=("eni-0123abcd",))


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """An IPv6 address and one of its spellings (RFC 4291, 2.2)."""
    groups = draw(
        st.lists(st.sampled_from([0, 0, 0, 1, 0x15, 0xDB8, 0xFFFF]), min_size=8, max_size=8)
    )
    written = [f"{group:0{draw(st.integers(1, 4))}x}" for group in groups]
    first = draw(st.integers(0, 8))
    last = first
    while last < 8 and groups[last] == 0 and draw(st.booleans()):
        last += 1
    if draw(st.booleans()):
        with_dots = ipaddress.IPv4Address(groups[6] << 16 | groups[7])
        written = [*written[:6], str(with_dots)]
        last = min(last, 6)
    text = ":".join(written)
    if last > first:
        text = ":".join(written[:first]) + "::" + ":".join(written[last:])
    if draw(st.booleans()):
        text = text.upper()
    return str(ipaddress.IPv6Address(text)), text


@given(spelled())
def test_an_ipv6_address_is_found_in_any_spelling(address_and_spelling: tuple[str, str]) -> None:
    address, spelling = address_and_spelling

    assert finds(f"5 {spelling} 10.0.0.1", addresses=(address,))


def test_another_ipv6_address_is_not_found() -> None:
    assert not finds("5 2001:db8::151 -", addresses=("2001:db8::15",))
    assert not finds("5 2001:db8::15:1 -", addresses=("2001:db8::15",))


def test_statuses_are_whole_tokens_and_lines_that_need_a_look_are_told() -> None:
    hits = Finder((), b"colour").find(b"a NODATA\nXNODATA\nSKIPDATA\n\n  \nstart end\nb c\n")

    assert hits.nodata.tolist() == [7]
    assert hits.skipdata.tolist() == [24]
    # the empty line, the blank one, the one that begins as a header does
    assert hits.odd.tolist() == [26, 27, 34]

"""Which address of its records is an interface's own, and what says so."""

import pytest

from transforms.subject.from_records import derived_parts
from transforms.subject.identity import Subject

ENI = "eni-0a1b2c3d4e5f60718"
SUBJECT = Subject(("i-0a1b2c3d4e5f60718",), (), (ENI,), ())
OWN, PEER, OWN_V6 = "10.0.0.62", "10.0.0.9", "2001:db8::1"


def end(
    address: str | None, *, told: bool = False, began: int = 0, asked: int = 0
) -> dict[str, object]:
    return {"interface_id": ENI, "address": address, "is_told": told, "began": began,
            "was_asked": asked, "vpc_id": None, "first": 1_000, "last": 2_000}  # fmt: skip


@pytest.mark.parametrize(
    ("ends", "own"),
    [
        pytest.param([end(OWN, told=True), end(PEER)], [(OWN, "records")], id="by direction"),
        pytest.param([end(OWN)], [(OWN, "records")], id="the only one in every record"),
        pytest.param([end(OWN, began=3), end(PEER, asked=3)], [(OWN, "flags")], id="it began"),
        pytest.param([end(OWN, began=3), end(PEER, began=1)], [], id="both began"),
        pytest.param([end(OWN, began=3, asked=1), end(PEER)], [], id="it began and was asked"),
        pytest.param([end(OWN), end(PEER)], [], id="nothing tells"),
        pytest.param(
            [end(OWN, told=True), end(OWN_V6)], [(OWN, "records"), (OWN_V6, "records")],
            id="each version of IP by itself",
        ),
        pytest.param([end(None)], [], id="NODATA only"),
    ],
)  # fmt: skip
def test_the_own_address(ends: list[dict[str, object]], own: list[tuple[str, str]]) -> None:
    parts = derived_parts(ends, SUBJECT)

    assert [(part.address, part.source) for part in parts] == own


def test_an_assumed_address_is_named_as_one() -> None:
    parts = derived_parts([end(OWN, began=3), end(PEER, asked=3)], SUBJECT)

    assert SUBJECT._replace(parts=tuple(parts)).assumed_addresses == (OWN,)

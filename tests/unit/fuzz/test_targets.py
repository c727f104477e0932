"""Every fuzz target holds on its own seeds, and inputs are altered where they should be."""

from pathlib import Path

import pytest

from tests.fuzz.altered import altered
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_holds_on_its_seeds(name: str, tmp_path: Path) -> None:
    seeds = list(TARGETS[name].seeds())

    assert seeds
    for seed in seeds:
        TARGETS[name].check(tmp_path, seed)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00[7]", b"[7]"),
        (b"\x01", b'{"b": [1, {"c": 2}]}'),
        (b"\x01text", b'{"a": "text", "b": [1, {"c": 2}]}'),
        (b"\x03null", b'{"a": 0, "b": [null, {"c": 2}]}'),
        (b"\x05{}", b'{"a": 0, "b": [1, {"c": {}}]}'),
        (b"\x07", b'{"b": [1, {"c": 2}]}'),
    ],
)
def test_an_altered_value_differs_in_one_place(data: bytes, expected: bytes) -> None:
    assert altered({"a": 0, "b": [1, {"c": 2}]}, data) == expected

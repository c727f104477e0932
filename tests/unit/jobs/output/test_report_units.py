"""Numbers as a person reads them, and the exact ones."""

from datetime import UTC, datetime

import pytest

from jobs.output.report_units import clock, day_and_clock, shown_number


@pytest.mark.parametrize(
    ("name", "value", "text", "exact"),
    [
        ("payload_out", 2_401_865_720, "2.4 GB", "2,401,865,720 bytes"),
        ("bytes_in", 93_769, "93.8 kB", "93,769 bytes"),
        ("bytes_out", 999, "999", ""),
        ("bytes_out", 0, "0", ""),
        ("longest_s", 18_000, "5.0 h", "18,000 s"),
        ("median_s", 2, "2", ""),
        ("attempts", 1_349, "1,349", ""),
        ("first_s", 1_795_399_800, "2026-11-23 02:10:00 UTC", "1795399800 Unix seconds"),
        ("first_s", 0, "none", "0 Unix seconds"),
        ("payload_unknown", 2_000, "2.0 kB", "2,000 bytes"),
        ("in_", 1_000, "1,000", ""),
    ],
)
def test_a_number_in_the_unit_of_its_name(name: str, value: int, text: str, exact: str) -> None:
    assert shown_number(name, value) == (text, exact)


def test_times_of_json_and_of_python_are_shown_alike() -> None:
    at = datetime(2026, 11, 23, 2, 39, 32, tzinfo=UTC)

    assert clock(at) == clock("2026-11-23T02:39:32.000Z") == "02:39"
    assert day_and_clock(at) == day_and_clock("2026-11-23T02:39:32.000Z") == "11-23 02:39"

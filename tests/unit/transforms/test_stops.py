"""Who stopped the subject: whoever recorded the reject, or a closed port."""

import pytest

from tests.support.made_stories import peer_row
from transforms.stops import stop_of


@pytest.mark.parametrize(
    ("outcome", "sentence", "clause", "name"),
    [
        ("BLOCKED_DST", "db-1 stopped 12 tries at PostgreSQL.", "was stopped by db-1",
         "db-1 stops 12 tries"),
        ("BLOCKED_SRC", "A rule at web-3 itself stopped 12 tries at db-1, PostgreSQL.",
         "was stopped by a rule of its own on the way to db-1",
         "web-3 itself stops 12 tries at db-1"),
        ("REFUSED", "db-1 refused 12 tries at PostgreSQL: the port was closed.",
         "was refused by db-1", "db-1 refuses 12 tries"),
    ],
)  # fmt: skip
def test_a_stop_is_told_by_where_it_was_recorded(
    outcome: str, sentence: str, clause: str, name: str
) -> None:
    row = peer_row("10.20.3.31", 5432, outcome, "03:20", attempts=12, peer_name="db-1")

    stop = stop_of(row, "web-3")

    assert (stop.sentence, stop.clause, stop.name) == (sentence, clause, name)


def test_of_several_what_stopped_most_tries_is_told() -> None:
    row = peer_row("10.20.3.31", 5432, "BLOCKED_SRC", "03:20", attempts=12)
    mixed = {**row, "blocked_src": 7, "blocked_dst": 5}

    assert stop_of(mixed, "web-3").short == "own rule"
    assert stop_of({**mixed, "blocked_dst": 8}, "web-3").short == "stopped"

"""The books: what must be equal, and what a difference does."""

from dataclasses import replace

import pytest

from jobs.pipeline.books import Books
from jobs.pipeline.result import exit_code
from transforms.vocabulary import Reading

BALANCED = Books(
    listed=10, listed_skipped=2, objects_skipped=2, objects_read=5, objects_empty=1,
    objects_refused=1, objects_other_kind=1, objects_unreadable=0,
    bytes_read=900, bytes_inflated=9_000,
    lines=100, header_lines=6, blank_lines=4, set_aside_lines=50, parsed_lines=30,
    refused_lines=10, nodata_lines=3, skipdata_lines=1, in_window_lines=25,
    out_of_window_lines=5, unbalanced_objects=0,
    quarantined_objects=1, quarantined_lines=10, quarantined_documents=2, subject=20, others=5,
    flows=20, flows_nodata=1, flows_skipdata=0, documents=18,
)  # fmt: skip


SELECTED = "objects selected = read + empty + refused + unreadable + other kind"


def test_an_object_that_could_not_be_read_counts_when_strict() -> None:
    """Nothing is in quarantine, as nothing is wrong with what was read."""
    books = replace(
        BALANCED, objects_unreadable=1, objects_refused=0, quarantined_objects=0,
        refused_lines=0, set_aside_lines=60, quarantined_lines=0, documents=20,
        quarantined_documents=0,
    )  # fmt: skip
    assert (books.balanced, books.refusals) == (True, 0)
    assert exit_code({Reading.WINDOW: books}, strict=False) == 0
    assert exit_code({Reading.WINDOW: books}, strict=True) == 3


def test_books_that_balance_end_with_0() -> None:
    assert exit_code({Reading.WINDOW: BALANCED}, strict=False) == 0


def test_books_that_balance_with_something_refused_end_with_3_when_strict() -> None:
    assert exit_code({Reading.WINDOW: BALANCED}, strict=True) == 3


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"listed": 11}, ["objects listed = selected + skipped", SELECTED]),
        ({"objects_read": 4}, ["objects listed = selected + skipped", SELECTED]),
        ({"quarantined_objects": 0}, ["refused objects = objects in quarantine"]),
        ({"set_aside_lines": 49}, ["lines = header + blank + set aside + parsed + refused"]),
        ({"unbalanced_objects": 1}, ["objects whose own lines do not add up"]),
        ({"quarantined_lines": 9}, ["refused lines = lines in quarantine"]),
        ({"out_of_window_lines": 4}, ["parsed = in window + out of window"]),
        ({"others": 6}, ["in window = subject + others"]),
        ({"flows": 19, "documents": 17}, ["subject = flows in Delta"]),
        ({"documents": 17}, ["flows in Delta = documents + refused documents"]),
        ({"documents": None}, []),
        ({"objects_read": 4, "objects_transit": 1, "others": 3, "transit_kept": 2, "transit": 2},
         []),
        ({"objects_read": 4, "objects_transit": 1, "others": 3, "transit_kept": 2, "transit": 1},
         ["of transit gateways = rows of transit in Delta"]),
        ({"objects_read": 4, "objects_transit": 1, "transit_kept": 2, "transit": 2},
         ["in window = subject + others + of transit gateways"]),
    ],
)  # fmt: skip
def test_a_broken_identity_names_itself_and_ends_with_4(
    changed: dict[str, int], broken: list[str]
) -> None:
    books = replace(BALANCED, **changed)

    assert [identity.what for identity in books.identities() if not identity.holds] == broken
    assert exit_code({Reading.WINDOW: BALANCED, Reading.PATH_1: books}, strict=True) == (
        4 if broken else 3
    )

"""A folder that is listed in pieces is what one listing finds, whatever keys and servers are."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.storage.any_key import KeyFailure
from jobs.storage.key_pages import Page
from jobs.storage.split_listing import Limits, SplitListing
from tests.support.key_server import Asked, Keys

PREFIX = "logs/"
ODD = st.text("0a9fgzAZ_-.+%~!/ \x1f\x7fäü\uffff\U0001f600", max_size=6)
FLOW_LOG = st.builds(
    "1_vpcflowlogs_eu-west-1_fl-{:017x}_20261123T{:02d}{:02d}Z_{:02x}.log.gz".format,
    st.one_of(st.integers(0, 30), st.integers(0, 16**16)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 255),
)
NAMES = st.lists(st.one_of(ODD, FLOW_LOG), max_size=250, unique=True)
SMALL = Limits(entries=5_000, pages=100)


class Listed:
    """What a listing found, and how many pages it asked for."""

    def __init__(
        self, server: Callable[[Asked], Page[str]], *, free: int, seed: int, limits: Limits = SMALL
    ) -> None:
        listing: SplitListing[str] = SplitListing(PREFIX, limits)
        turns = random.Random(seed)
        pieces = listing.begin()
        self.requests = self.most_at_once = 0
        while pieces:
            self.most_at_once = max(self.most_at_once, len(pieces))
            piece = pieces.pop(turns.randrange(len(pieces)))
            self.requests += 1
            page = server(Asked(PREFIX, piece.after, piece.token))
            pieces += listing.take(piece, page, max(free - len(pieces), 0))
        assert listing.is_done
        self.rows, self.folders = sorted(listing.rows), sorted(listing.folders)


def directly_below(keys: list[str]) -> tuple[list[str], list[str]]:
    """By the definition of a folder, without any pages."""
    names = [key.removeprefix(PREFIX) for key in keys]
    folders = {PREFIX + name.split("/")[0] + "/" for name in names if "/" in name}
    return sorted(PREFIX + name for name in names if "/" not in name), sorted(folders)


@settings(max_examples=300, deadline=None)
@given(NAMES, st.integers(1, 7), st.integers(0, 9), st.integers(0, 99))
def test_pieces_find_what_lies_in_a_folder_and_nothing_twice(
    names: list[str], page: int, free: int, seed: int
) -> None:
    keys = [PREFIX + name for name in names]

    found = Listed(Keys(keys, page).page, free=free, seed=seed)

    assert (found.rows, found.folders) == directly_below(keys)


@settings(max_examples=100, deadline=None)
@given(NAMES, st.integers(1, 7), st.integers(0, 99), st.sampled_from(["ignores", "orders"]))
def test_a_server_that_begins_elsewhere_or_sorts_its_own_way_hides_nothing(
    names: list[str], page: int, seed: int, manner: str
) -> None:
    keys = [PREFIX + name for name in names]
    server = Keys(keys, page, order=str.swapcase if manner == "orders" else str)

    def answer(asked: Asked) -> Page[str]:
        return server.page(asked._replace(after="") if manner == "ignores" else asked)

    found = Listed(answer, free=8, seed=seed)

    assert (sorted(set(found.rows)), sorted(set(found.folders))) == directly_below(keys)
    assert len(found.rows) == len(set(found.rows))


def test_one_piece_whose_border_was_missed_is_enough_to_list_anew() -> None:
    """A server that, asked to begin in the middle, leaves out the first name it should give."""
    keys = [f"{PREFIX}{number:04x}" for number in range(4_000)]
    server = Keys(keys, 10)

    def answer(asked: Asked) -> Page[str]:
        page = server.page(asked)
        if not asked.after or asked.token:
            return page
        return page._replace(keys=page.keys[1:], rows=page.rows[1:])

    assert Listed(answer, free=8, seed=0).rows == keys


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(
            [f"fl-{log:017x}_20261123T{slot:04d}Z" for log in range(100) for slot in range(288)],
            id="ids that count up",
        ),
        pytest.param(
            [
                f"fl-0{random.Random(log).getrandbits(64):016x}_20261123T{slot:04d}Z"
                for log in range(100)
                for slot in range(288)
            ],
            id="ids of chance, as AWS makes them",
        ),
        pytest.param(
            [
                f"fl-0123456789abcdef0_20261123T{minute // 60:02d}{minute % 60:02d}Z_{file:08x}"
                for minute in range(0, 1440, 5)
                for file in range(100)
            ],
            id="one flow log with many files a slot",
        ),
    ],
)
def test_a_large_folder_is_soon_in_many_pieces_for_few_more_requests(names: list[str]) -> None:
    keys = sorted(PREFIX + name for name in names)
    listing: SplitListing[str] = SplitListing(PREFIX)
    server = Keys(keys, 100)
    rounds = requests = 0
    pieces = listing.begin()
    while pieces:  # all sixteen at once, then the next
        rounds, requests = rounds + 1, requests + len(pieces)
        pages = [(each, server.page(Asked(PREFIX, each.after, each.token))) for each in pieces]
        in_flight = len(pieces)
        pieces = []
        for piece, page in pages:
            in_flight -= 1
            pieces += listing.take(piece, page, 16 - in_flight - len(pieces))

    assert sorted(listing.rows) == keys
    assert rounds <= 288 / 5  # page by page there were 288, and sixteen at once could be 18
    assert requests <= 2 * 288


def test_a_folder_of_two_pages_costs_at_most_one_request_more() -> None:
    keys = [f"{PREFIX}{number:04d}" for number in range(20)]

    assert Listed(Keys(keys, 10).page, free=15, seed=0).requests <= 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda turn: Page(["logs/a"], ["logs/a"], [], "same"), id="the same page"),
        pytest.param(lambda turn: Page(["logs/a"], ["logs/a"], [], f"{turn}"), id="the same keys"),
        pytest.param(lambda turn: Page([], [], [], f"{turn}"), id="nothing, and more to come"),
        pytest.param(
            lambda turn: Page([f"logs/{turn:09}"], ["x"], [], f"{turn}"), id="a key a page"
        ),
        pytest.param(
            lambda turn: Page([f"logs/{turn:05}{n:05}" for n in range(99)], ["x"] * 99, [], "t"),
            id="ever new keys",
        ),
        pytest.param(
            lambda turn: Page([], [], [f"logs/{turn:05}{n:05}/" for n in range(99)], f"{turn}"),
            id="ever new folders",
        ),
    ],
)
def test_a_listing_without_an_end_ends(answer: Callable[[int], Page[str]]) -> None:
    turns = iter(range(1_000))  # a StopIteration would be our own endless loop

    with pytest.raises(KeyFailure) as failure:
        Listed(lambda _: answer(next(turns)), free=8, seed=0)

    assert failure.value.code == "EndlessListing"

"""Listings over HTTP: every key once, of one folder or of many, whatever the server's manners."""

import pytest

from jobs.errors import BadInput, CredentialsExpired
from jobs.sources.listing import list_objects
from jobs.storage.key_pages import Page
from tests.support.key_server import Asked, Keys, keys_served
from tests.unit.jobs.sources.test_listing import WINDOW

DAY = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/23"
KEYS = [
    *(
        f"{DAY}/111122223333_vpcflowlogs_eu-west-1_fl-{log * 7919:017x}_20261123T12{minute:02}Z_"
        f"{file:08x}.log.gz"
        for log in range(30)
        for minute in range(0, 60, 5)
        for file in range(3)
    ),
    *(f"{DAY}/below-{number:03}/1 2+3%41.log" for number in range(60)),
    *(f"{DAY}//{number}\x1f\u00fc\U0001f600.log" for number in range(30)),
    "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2025/11/23/left-out.log",
]
LISTED = sorted(KEYS[:-1])
SERVER = Keys(KEYS, 20)
buckets = (f"bucket-{number}" for number in range(1_000))


@pytest.fixture
def bucket(s3_server: str) -> str:
    """A name of its own: what is known of a bucket is known for the life of the process."""
    return f"s3://{next(buckets)}"


def paths(bucket: str) -> list[str]:
    return sorted(item.path for item in list_objects([f"{bucket}/AWSLogs"], WINDOW).objects)


def test_a_folder_is_listed_in_pieces_and_every_key_is_found_once(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keys_served(lambda asked, _: SERVER.page(asked), monkeypatch) as asked:
        assert paths(bucket) == LISTED

    of_day = [each for each in asked if each.prefix == f"{DAY}/"]
    assert sum(bool(each.after and not each.token) for each in of_day) >= 10
    assert len(of_day) <= 3 * 62  # 62 pages hold them
    assert not [each for each in asked if each.prefix.endswith("/2025/")]


def test_a_server_that_cannot_begin_in_the_middle_is_listed_page_by_page(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(asked: Asked, _: int) -> Page[str] | int:
        return 501 if asked.after and not asked.token else SERVER.page(asked)

    with keys_served(answer, monkeypatch):
        assert paths(bucket) == LISTED


def test_a_server_that_is_too_busy_is_asked_again(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with keys_served(
        lambda asked, turn: 503 if turn % 20 == 2 else SERVER.page(asked), monkeypatch
    ):
        assert paths(bucket) == LISTED


def test_a_server_that_gives_the_same_page_for_ever_is_told_as_that(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(["AWSLogs/a", "AWSLogs/b"], ["", ""], [], "again")

    with keys_served(lambda *_: page, monkeypatch) as asked, pytest.raises(BadInput) as bad:
        paths(bucket)

    assert bad.value.problems == (
        f"--flow_logs {bucket}/AWSLogs: listing failed: EndlessListing: found the same page of "
        "'AWSLogs/' again; expected the next one; check the endpoint",
    )
    assert len(asked) < 20


def test_credentials_that_end_in_the_middle_of_a_listing_end_it(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        keys_served(lambda asked, turn: 403 if turn > 20 else SERVER.page(asked), monkeypatch),
        pytest.raises(CredentialsExpired),
    ):
        paths(bucket)


def test_an_answer_that_is_no_listing_is_told_as_that(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_short = Page(["AWSLogs/a"], [""], [], "")

    with keys_served(lambda *_: cut_short, monkeypatch), pytest.raises(BadInput) as bad:
        paths(bucket)

    assert bad.value.problems[0].startswith(
        f"--flow_logs {bucket}/AWSLogs: listing failed: MalformedListing: found ValueError: a "
        "listing that is cut short without a token; expected the XML of ListObjectsV2; "
    )

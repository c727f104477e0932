"""Requests of one task keep its share of what S3 gives to a prefix; the clock is the test's own."""

import boto3
from hypothesis import given
from hypothesis import strategies as st

from jobs.sources.object_fetch import Fetched, ObjectToRead, fetch_ahead
from jobs.sources.pace import Pace
from jobs.storage.object_store import Bucket, Place, place_of

REGION = "AWSLogs/111122223333/vpcflowlogs/{}/2026/11/{:02}/x.log.gz"


class Clock:
    """Time that passes only by waiting and by the test's own doing."""

    def __init__(self) -> None:
        self.now = 0.0

    def tell(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


@given(
    st.lists(
        st.tuples(st.sampled_from(["eu-west-1", "us-east-1"]), st.floats(0, 0.5)), max_size=100
    ),
    st.integers(1, 50),
)
def test_no_second_has_more_requests_below_a_prefix_than_its_share(
    requests: list[tuple[str, float]], share: int
) -> None:
    clock = Clock()
    bucket = Bucket("b", "eu-west-1", "https://s3.eu-west-1.amazonaws.com")
    prefix = "b/AWSLogs/111122223333/vpcflowlogs/{}".format
    pace = Pace({prefix("eu-west-1"): share}, clock.tell, clock.sleep)
    sent: dict[str, list[float]] = {"eu-west-1": [], "us-east-1": []}
    for number, (region, pause) in enumerate(requests):
        clock.now += pause
        before = clock.now
        pace.wait(Place(bucket, REGION.format(region, number % 30 + 1)))
        sent[region].append(clock.now)
        assert region == "eu-west-1" or clock.now == before  # without a share nobody waits
        assert clock.now - before <= 1 / share + 1e-9

    times = sent["eu-west-1"]
    for at, begin in enumerate(times):
        assert sum(begin <= each < begin + 1 - 1e-9 for each in times[at:]) <= share


def test_every_get_is_paced_and_files_of_this_machine_are_not(bucket: str) -> None:
    s3 = boto3.client("s3")
    for number in range(5):
        s3.put_object(Bucket=bucket, Key=f"logs/2026/11/23/{number}", Body=b"x")
    clock = Clock()
    wanted = [
        ObjectToRead(place_of(f"s3://{bucket}/logs/2026/11/23/{number}"), None, 1)
        for number in range(5)
    ]
    here = ObjectToRead(place_of(__file__), None, 1)

    pace = Pace({f"{bucket}/logs": 2.0}, clock.tell, clock.sleep)
    read = [found for _, found in fetch_ahead([*wanted, here], 4, 10**9, pace)]

    assert sum(isinstance(found, Fetched) for found in read) == 5
    assert clock.now == 4 * 0.5

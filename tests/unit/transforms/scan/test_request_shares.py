"""What one task may request of S3, so that all of them keep a budget for each prefix."""

import pytest

from transforms.scan.request_shares import prefix_of_requests, shares


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("AWSLogs/1/vpcflowlogs/eu-west-1/2026/11/23/x.log.gz", "AWSLogs/1/vpcflowlogs/eu-west-1"),
        ("a/vpcflowlogs/eu-west-1/2026/11/23/12/x.log.gz", "a/vpcflowlogs/eu-west-1"),
        ("h/aws-region=eu-west-1/year=2026/month=1/day=3/hour=9/x", "h/aws-region=eu-west-1"),
        ("logs/x.log.gz", "logs"),
        ("x.log.gz", ""),
        ("AWSLogs/111122223333/x", "AWSLogs/111122223333"),
    ],
)
def test_a_prefix_is_what_stands_before_the_date(key: str, prefix: str) -> None:
    assert prefix_of_requests(key) == prefix


@pytest.mark.parametrize(
    ("tasks", "at_once", "expected"),
    [
        pytest.param([["a"], ["a"], ["a"]], 8, {"a": 20.0}, id="all run at the same time"),
        pytest.param([["a"]] * 100, 4, {"a": 15.0}, id="four of them at a time"),
        pytest.param([["a"], ["a", "b"], ["b"]], 4, {"a": 30.0, "b": 30.0}, id="two prefixes"),
        pytest.param([["a", "a"]], 4, {"a": 60.0}, id="one task has all"),
        pytest.param([], 4, {}, id="nothing to read"),
    ],
)
def test_tasks_that_run_at_a_time_share_sixty_requests(
    tasks: list[list[str]], at_once: int, expected: dict[str, float]
) -> None:
    assert shares(tasks, at_once, 60) == expected

"""Tasks take neighbours of the listing, about the same work for each, and none takes nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.scan.packing import packed


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(1, 10**9), max_size=200), st.integers(1, 50))
def test_every_object_is_in_one_task_in_order_and_no_task_has_too_much(
    loads: list[int], tasks: int
) -> None:
    ranges = list(packed(loads, tasks))

    assert [at for each in ranges for at in each] == list(range(len(loads)))
    assert all(len(each) for each in ranges)
    fair = sum(loads) / tasks
    large = [load for load in loads if load >= fair]
    for each in ranges:
        work = [loads[at] for at in each]
        assert sum(work) <= fair + max(loads)
        assert len(work) == 1 or max(work) < fair
    assert len(ranges) <= tasks + 2 * len(large)


@pytest.mark.parametrize(
    ("loads", "tasks", "expected"),
    [
        pytest.param([], 4, [], id="nothing"),
        pytest.param([7], 4, [[7]], id="one"),
        pytest.param([1] * 6, 2, [[1, 1, 1], [1, 1, 1]], id="equal ones"),
        pytest.param([10, 10, 10, 11], 2, [[10, 10], [10, 11]], id="about equal ones"),
        pytest.param([1, 1, 90, 1, 1], 2, [[1, 1], [90], [1, 1]], id="a large one among small"),
        pytest.param([8, 1, 1, 8], 3, [[8], [1, 1], [8]], id="large ones at the ends"),
    ],
)
def test_what_the_tasks_take(loads: list[int], tasks: int, expected: list[list[int]]) -> None:
    assert [[loads[at] for at in each] for each in packed(loads, tasks)] == expected

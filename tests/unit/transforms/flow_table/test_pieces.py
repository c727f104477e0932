"""A day is merged when a case would open far fewer files of it then."""

from collections.abc import Sequence

import pytest

from transforms.flow_table.pieces import is_in_pieces, piece_name


def names(*files_of_runs: int) -> list[str]:
    """Of each run so many files."""
    return [
        f"{piece_name(f'run-{run}')}{file}.zstd.parquet"
        for run, files in enumerate(files_of_runs)
        for file in range(files)
    ]


@pytest.mark.parametrize(
    ("files_of_runs", "rows", "expected"),
    [
        ([430], 1_700_000, False),  # a run a day
        ([200, 200], 1_700_000, False),  # two: twice as many places to look
        ([142, 142, 142], 1_700_000, True),
        ([18] * 24, 1_700_000, True),  # a run an hour
        ([430] + [1] * 10, 1_700_000, False),  # few late objects
        ([430] + [1] * 13, 1_700_000, True),
        ([1, 1], 8_000, False),  # a small day needs two files
        ([1] * 24, 8_000, True),
        ([1, 1, 1], 100, True),  # and this one needs one
        ([1], 100, False),
    ],
)
def test_pieces_by_the_runs_that_wrote_them(
    files_of_runs: Sequence[int], rows: int, expected: bool
) -> None:
    assert is_in_pieces(names(*files_of_runs), rows) == expected


def test_each_file_of_another_tool_is_a_piece() -> None:
    foreign = [f"part-{number:05}-6ab9.c000.snappy.parquet" for number in range(400)]

    assert is_in_pieces(foreign, 1_700_000)

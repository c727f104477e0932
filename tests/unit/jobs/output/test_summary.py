"""What the terminal says of counts and books: a line while they balance, everything when asked."""

from dataclasses import replace

from jobs.output.summary import FinishedRun, summary
from jobs.pipeline.result import RunResult
from tests.support.made_result import made_books
from tests.support.made_stories import attack
from transforms.vocabulary import Reading


def lines_of(result: RunResult, *, is_full: bool = False) -> list[str]:
    return summary(FinishedRun(result=result, seconds={}, manifest={}), is_full=is_full).split("\n")


def with_books(**refused: int) -> RunResult:
    """Two readings; what is refused is refused on the path."""
    of = {Reading.WINDOW: made_books(), Reading.PATH_1: made_books(**refused)}
    return replace(attack(), books=of)


def test_books_that_balance_are_one_line() -> None:
    identities = len(list(made_books().identities()))

    lines = lines_of(with_books())

    (told,) = [line for line in lines if line.startswith("Books")]
    assert told == f"Books       balanced: all {2 * identities} identities hold in 2 readings"
    assert not [line for line in lines if line.startswith(("  ok ", "  bytes", "  lines"))]


def test_what_is_in_quarantine_is_named_though_the_books_balance() -> None:
    refused = with_books(lines=3, refused_lines=3, quarantined_lines=3)

    assert "  in quarantine (reading 1 of the path): 0 objects, 3 lines, 0 documents" in lines_of(
        refused
    )


def test_every_identity_is_told_when_asked_for() -> None:
    identities = len(list(made_books().identities()))

    lines = lines_of(with_books(), is_full=True)

    assert f"Books       balanced: {identities} of {identities} identities hold" in lines
    assert "Books of reading 1 of the path balanced: " in "\n".join(lines)
    assert sum(line.startswith("  ok ") for line in lines) == 2 * identities
    assert any(line.startswith("  lines     0: 0 header") for line in lines)


def test_every_identity_is_told_when_one_does_not_hold() -> None:
    lines = lines_of(with_books(quarantined_lines=1))

    assert "  BAD refused lines = lines in quarantine: 0 = 1" in lines
    assert any(line.startswith("  ok ") for line in lines)
    assert any(line.startswith("Books of reading 1 of the path NOT BALANCED: ") for line in lines)

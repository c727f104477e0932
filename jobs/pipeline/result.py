"""What a run found out, as one value: the results of its steps."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.errors import ExitCode
from jobs.opensearch.sink import Indexed
from jobs.pipeline.baseline import BaselineRead
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import CaseCoverage
from jobs.pipeline.path import Path
from jobs.pipeline.read_flows import FlowsRead
from transforms.finding.claim import ClaimAnswer
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.context import QuestionContext
from transforms.questions.question import Place
from transforms.vocabulary import Reading


@dataclass(frozen=True, kw_only=True)
class Investigation:
    """What was found out about one subject."""

    baseline: BaselineRead | None
    path: Path
    coverage: CaseCoverage
    context: QuestionContext
    answers: tuple[Answer, ...]

    @property
    def headline(self) -> Answer:
        """The verdict, as the answer to the first question."""
        return the_one_in(self.answers, Place.HEADLINE)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Everything that a run found out before it is published.

    `investigation` is None with `--scope everything`, `indexed` without an OpenSearch.
    """

    case: Case
    window: FlowsRead
    investigation: Investigation | None
    claims: tuple[ClaimAnswer, ...]
    indexed: Indexed | None
    books: Mapping[Reading, Books]

    @property
    def coverage(self) -> CaseCoverage | None:
        """How complete the records of the subject are."""
        return self.investigation.coverage if self.investigation else None

    @property
    def exit_code(self) -> ExitCode:
        """What the shell is told."""
        return exit_code(self.books, self.case.arguments.strict)

    def release(self) -> None:
        """Give back what was kept in memory."""
        self.window.release()
        if self.indexed is not None:
            self.indexed.refused.unpersist()
        if self.investigation is not None:
            self.investigation.path.release()
            if self.investigation.baseline is not None:
                self.investigation.baseline.release()


def all_books(window_books: Books, investigation: Investigation | None) -> Mapping[Reading, Books]:
    """The books of every reading."""
    books = {Reading.WINDOW: window_books}
    if investigation is not None:
        if investigation.baseline is not None:
            books[Reading.BASELINE] = investigation.baseline.books
        for hop in investigation.path.hops:
            books[hop.read.reading] = hop.read.books
    return books


def exit_code(books: Mapping[Reading, Books], strict: bool) -> ExitCode:
    """What the shell is told, by the books of every reading."""
    if not all(each.balanced for each in books.values()):
        return ExitCode.UNBALANCED
    is_refused = any(each.refusals or each.objects_unreadable for each in books.values())
    return ExitCode.INCOMPLETE if strict and is_refused else ExitCode.COMPLETE

"""What a run found out, as plain values: no frame outlives the run, so that a list may be long."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.errors import ExitCode
from jobs.opensearch.sink import Indexed
from jobs.pipeline.books import Books
from jobs.pipeline.case import Case
from jobs.pipeline.case_coverage import CaseCoverage
from jobs.pipeline.transit import TransitSeen
from transforms.finding.claim import ClaimAnswer
from transforms.questions.catalogue import Answer, the_one_in
from transforms.questions.context import QuestionContext
from transforms.questions.question import Place
from transforms.standing.path import PathStep
from transforms.story import Story
from transforms.subject.identity import Subject
from transforms.vocabulary import Reading


@dataclass(frozen=True, kw_only=True)
class Investigation:
    """What was found out about one subject; `books` are those of the further readings."""

    context: QuestionContext
    coverage: CaseCoverage
    answers: tuple[Answer, ...]
    steps: tuple[PathStep, ...]
    story: Story
    books: Mapping[Reading, Books]

    @property
    def headline(self) -> Answer:
        """The verdict, as the answer to the first question."""
        return the_one_in(self.answers, Place.HEADLINE)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """Everything that a run found out before it is published.

    `subject` is that of the case with what its own records added. `investigation` is None with
    `--scope everything`, `indexed` without an OpenSearch.
    """

    case: Case
    subject: Subject
    was_scanned_twice: bool
    investigation: Investigation | None
    claims: tuple[ClaimAnswer, ...]
    indexed: Indexed | None
    books: Mapping[Reading, Books]
    transit: TransitSeen | None = None

    @property
    def coverage(self) -> CaseCoverage | None:
        """How complete the records of the subject are."""
        return self.investigation.coverage if self.investigation else None

    @property
    def exit_code(self) -> ExitCode:
        """What the shell is told."""
        return exit_code(self.books, self.case.arguments.strict)


def exit_code(books: Mapping[Reading, Books], strict: bool) -> ExitCode:
    """What the shell is told, by the books of every reading."""
    if not all(each.balanced for each in books.values()):
        return ExitCode.UNBALANCED
    is_refused = any(each.refusals or each.objects_unreadable for each in books.values())
    return ExitCode.INCOMPLETE if strict and is_refused else ExitCode.COMPLETE

"""A question of an investigation: its SQL, its thresholds, its words and where it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter
from textwrap import dedent, fill, indent
from typing import NamedTuple

from transforms.questions.context import QuestionContext
from transforms.vocabulary import Initiator

QUESTIONS_VERSION = "1"
# Rows named in an answer; its figures count all.
ROWS_NAMED = 200

Figures = Mapping[str, int]
Rows = Sequence[Mapping[str, object]]


class Told(NamedTuple):
    """An answer for a person: a word or two, and a sentence."""

    verdict: str
    sentence: str


class Place(StrEnum):
    """A place that shows answers, besides the list of all answers in the report and the table."""

    HEADLINE = "the verdict above everything else"
    SUMMARY = "the terminal, always"
    SUMMARY_IF_FOUND = "the terminal, where rows were found or nothing can be told"
    REPORT_SAW = "the list of what was seen, at the head of the report"
    PEER_MATRIX = "the report's table of peers by service ports"
    CONTACT_GRAPH = "the report's drawing of peers"
    CONTACT_NOTE = "the caption of that drawing"
    HOUR_MATRIX = "the report's table of hours"
    FIRST_SIGN = "a marker of the timeline"


# Each of these places shows exactly one question.
SINGLE_PLACES = (
    Place.HEADLINE, Place.PEER_MATRIX, Place.CONTACT_GRAPH, Place.CONTACT_NOTE, Place.HOUR_MATRIX,
    Place.FIRST_SIGN,
)  # fmt: skip


class KeyFigure(NamedTuple):
    """A figure among the key numbers of the report, and what it counts."""

    figure: str
    words: str


def _or_zero(figure: str) -> str:
    """The figure where there are rows; DuckDB's count_if is null where there are none."""
    return f"coalesce({figure}, 0)"


def _always(context: QuestionContext) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, as SQL over the tables `conversations` and `peers`.

    `sql` selects the rows that the answer is about; names in braces are filled in from
    `QuestionContext.placeholders`. `figures` are aggregates over those rows, zero where there is no
    row. `order` puts what matters first and ends in columns that make it a total order. `tell`
    makes a word or two and a sentence of the figures and the first rows. `thresholds` and `options`
    are printed with the answer. A question that is not asked has no rows. `side` is who began the
    conversations that its rows are of, where the rows do not say it.
    """

    id: str
    slug: str
    title: str
    rule: str
    sql: str
    figures: Mapping[str, str]
    order: str
    tell: Callable[[QuestionContext, Figures, Rows], Told]
    thresholds: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    is_asked: Callable[[QuestionContext], bool] = _always
    side: Initiator | None = None
    places: frozenset[Place] = field(default_factory=frozenset)
    key_figures: tuple[KeyFigure, ...] = ()

    @property
    def names_used(self) -> frozenset[str]:
        """The names in braces in its SQL."""
        texts = (self.sql, *self.figures.values())
        return frozenset(name for text in texts for _, name, *_ in Formatter().parse(text) if name)

    def source(self, context: QuestionContext) -> str:
        """The very SQL that gives the figures again, in Spark and in DuckDB alike.

        docs/reference/query-without-spark.md says what DuckDB needs for it.
        """
        known = context.placeholders()
        figures = ",\n       ".join(
            f"{_or_zero(text).format_map(known)} AS {name}" for name, text in self.figures.items()
        )
        rule = fill(self.rule, 96, initial_indent="-- ", subsequent_indent="-- ")
        comment = f"-- {self.id} {self.title}\n{rule}"
        return f"{comment}\nSELECT {figures}\nFROM {self.rows_sql(context)}"

    def rows_sql(self, context: QuestionContext) -> str:
        """The rows that the answer is about, to stand behind a FROM."""
        rows = indent(dedent(self.sql.format_map(context.placeholders())).strip(), "    ")
        condition = "" if self.is_asked(context) else "\nWHERE false"
        return f"(\n{rows}\n) AS found{condition}"

    def answer_sql(self, context: QuestionContext) -> str:
        """One row: question, figures, and the first rows as JSON."""
        known = context.placeholders()
        names = ", ".join(f"'{name}'" for name in self.figures)
        values = ", ".join(
            f"CAST({_or_zero(text).format_map(known)} AS BIGINT)" for text in self.figures.values()
        )
        return f"""
            SELECT '{self.id}' AS question,
                   map_from_arrays(array({names}), array({values})) AS figures,
                   transform(sort_array(collect_list(IF(_nth <= {ROWS_NAMED},
                       struct(_nth, _json), NULL))), x -> x._json) AS details
            FROM (SELECT *, to_json(struct(*)) AS _json,
                         row_number() OVER (ORDER BY {self.order}) AS _nth
                  FROM {self.rows_sql(context)})
        """

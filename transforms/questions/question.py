"""A question: SQL over the tables of a case, its thresholds, and the words of its answer."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import NamedTuple

from transforms.conversations.outcome import Rules

QUESTIONS_VERSION = "1"
# Rows named in an answer; its figures count all.
ROWS_NAMED = 200


class Thresholds(NamedTuple):
    """Defaults of the questions; each can be given by `--thresholds`, and is printed."""

    scan_bucket_s: int = 600
    scan_ports: int = 10
    scan_ports_whatever: int = 25
    scan_fail_percent: int = 50
    fan_out_hosts: int = 5
    fan_out_fail_percent: int = 30
    icmp_hosts: int = 10
    flip_window_s: int = 86_400
    regular_calls: int = 6
    regular_gap_s: int = 25
    regular_cv_percent: int = 35
    regular_mad_percent: int = 30
    long_session_s: int = 3_600
    transfer_bytes: int = 100_000_000
    aggregation_s: int = Rules().aggregation_s
    gap_slack_s: int = Rules().gap_slack_s
    ephemeral_min: int = Rules().ephemeral_min
    shared_min: int = Rules().shared_min
    data_min: int = Rules().data_min
    baseline_min_days: int = 3

    def rules(self) -> Rules:
        """Those by which conversations are made."""
        return Rules(**{name: getattr(self, name) for name in Rules._fields})


class Baseline(NamedTuple):
    """What the time before the window knows of the subject.

    `first_s` is its earliest record (Unix seconds), None without any; `days` are those with a
    record, `later_services` those services that were first seen after its first day. `is_enough`
    says that it goes far enough back to call what it lacks new.
    """

    asked_days: int
    first_s: int | None
    days: int
    services: int
    later_services: int
    is_enough: bool


class SecondHop(NamedTuple):
    """Whose doings were read in a second scan: peers that answered the subject.

    `own` has their addresses, each with the address by which the subject reached its owner;
    `left_out` peers were beyond `max_peers`; `unlogged` have no record of an interface of their
    own.
    """

    own: tuple[tuple[str, str], ...]
    peers: int
    left_out: int
    unlogged: tuple[str, ...]


class Asked(NamedTuple):
    """What a run asks, and what it read beside its window to answer.

    Thresholds, expected peers, since when the subject is cut off, how far to follow.
    """

    thresholds: Thresholds = Thresholds()
    expected_peers: tuple[str, ...] = ()
    contained_at: datetime | None = None
    hops: int = 1
    max_peers: int = 200
    baseline_days: int = 0
    baseline: Baseline | None = None
    second_hop: SecondHop | None = None

    def unexpected(self) -> str:
        """SQL text: the peer is none of those that are known to be talked to."""
        if not self.expected_peers:
            return "true"
        # An address in its shortest spelling holds no quote.
        listed = ", ".join(f"'{ip_address(address)}'" for address in self.expected_peers)
        return f"peer NOT IN ({listed})"

    def attempts(self) -> str:
        """SQL text: what the subject began inside, beyond what is expected."""
        by_subject = "hop = 1 AND initiator = 'subject' AND peer_scope = 'internal'"
        return f"{by_subject} AND {self.unexpected()}"

    def timestamp_of_containment(self) -> str:
        """SQL text of `contained_at`."""
        moment = self.contained_at or datetime.fromtimestamp(0, UTC)
        return f"timestamp_seconds({int(moment.timestamp())})"


Figures = Mapping[str, int]
Rows = Sequence[Mapping[str, object]]


class Question(NamedTuple):
    """A question of an investigation, as SQL over `conversations` and `peers`.

    `rows` selects what the answer is about, `figures` are aggregates over those rows, `order` puts
    what matters first and ends in columns that make it a total order; `tell` makes a word or two
    and a sentence of the figures and the first rows.
    """

    question: str
    title: str
    rule: str
    rows: str
    figures: Mapping[str, str]
    order: str
    tell: Callable[[Figures, Rows], tuple[str, str]]
    thresholds: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The very SQL that gives the figures again."""
        figures = ", ".join(f"{text} AS {name}" for name, text in self.figures.items())
        return f"SELECT {figures} FROM ({_on_one_line(self.rows)})"

    @property
    def answer_sql(self) -> str:
        """One row: question, figures, and the first rows as JSON."""
        names = ", ".join(f"'{name}'" for name in self.figures)
        values = ", ".join(f"CAST({text} AS BIGINT)" for text in self.figures.values())
        return f"""
            SELECT '{self.question}' AS question,
                   map_from_arrays(array({names}), array({values})) AS figures,
                   transform(sort_array(collect_list(IF(_nth <= {ROWS_NAMED},
                       struct(_nth, _json), NULL))), x -> x._json) AS details
            FROM (SELECT *, to_json(struct(*)) AS _json,
                         row_number() OVER (ORDER BY {self.order}) AS _nth
                  FROM ({self.rows}))
        """


def _on_one_line(sql: str) -> str:
    return " ".join(sql.split())


def all_answers(questions: Sequence[Question]) -> str:
    """SQL text that answers all of them in one go: one row each."""
    return "\nUNION ALL\n".join(question.answer_sql for question in questions)


def peer_of(row: Mapping[str, object]) -> str:
    """A peer in a sentence: its name beside its address."""
    name = row.get("peer_name")
    return f"{row['peer']} ({name})" if name else str(row["peer"])


def size(octets: int) -> str:
    """Octets for a person."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= scale:
            return f"{octets / scale:.1f} {unit}"
    return f"{octets} bytes"


def moment(text: object) -> str:
    """A time of a row, which is JSON, for a person: UTC to the second."""
    return str(text)[:19].replace("T", " ")

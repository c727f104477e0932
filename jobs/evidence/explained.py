"""An answer of a case followed to the flow records that it comes from, and counted again.

Statements are made anew from the catalogue, never taken from the case: SQL that stands in a stored
table is text of whoever could write there. Rows come from bytes with the manifest's SHA-256.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from jobs.evidence.asked_again import context_of
from jobs.evidence.stored_case import StoredCase
from jobs.evidence.table_rows import CaseAltered, table_of
from transforms.conversations.sides import IS_REJECTED
from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import QuestionContext
from transforms.questions.dialect import DUCKDB_NAMES
from transforms.questions.question import Question
from transforms.vocabulary import BLOCKED_OUTCOMES, FURTHER_READINGS, Reading, sql_list

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = Mapping[str, Any]


class Explained(NamedTuple):
    """An answer with what is behind it.

    `figures` are those of the case, `recomputed` those of the statement over the stored tables.
    `conversations` and `records` are the first ones, `totals` count all of them; `problems` say
    what does not follow from what.
    """

    question: Question
    sentence: str
    source: str
    figures: Mapping[str, int]
    recomputed: Mapping[str, int]
    conversations: Sequence[Row]
    records: Sequence[Row]
    totals: Row
    problems: Sequence[str]


def question_of(number: str) -> Question | None:
    """The question with this id or short name, in any case."""
    wanted = number.strip().lower()
    return next((each for each in QUESTIONS if wanted in (each.id.lower(), each.slug)), None)


def explain(case_uri: str, case: StoredCase, question: Question, limit: int) -> Explained:
    """Follow an answer to its records; raises BadInput and CaseAltered."""
    answer = _answer(case_uri, case, question)
    parameters = {str(name): str(value) for name, value in answer["parameters"]}
    try:
        context = context_of(case, parameters)
    except ValueError as error:
        raise CaseAltered([f"{case_uri}: its manifest cannot be followed ({error})"]) from error
    source = question.source(context)
    if source != answer["source"]:
        raise CaseAltered(
            [
                f"{case_uri}: the statement of {question.id} is not the one that this version "
                "makes of the manifest's parameters; expected a case of this version that nobody "
                "changed; run verify_case, or trace the case again"
            ]
        )
    session = _session(case_uri, case)
    recomputed = _only_row(session, source)
    figures = {str(name): int(value) for name, value in answer["figures"]}
    _find_behind(session, question, context)
    problems = [
        f"figure {name}: the case says {value:,}, its tables give {recomputed.get(name)}"
        for name, value in figures.items()
        if recomputed.get(name) != value
    ]
    return Explained(
        question=question,
        sentence=str(answer["sentence"]),
        source=source,
        figures=figures,
        recomputed=recomputed,
        conversations=_rows(session, _CONVERSATIONS, limit),
        records=_rows(session, _RECORDS, limit),
        totals=_only_row(session, _TOTALS),
        problems=[*problems, *_unequal(session)],
    )


def _answer(case_uri: str, case: StoredCase, question: Question) -> Row:
    for row in table_of(case_uri, case, "answers").to_pylist():
        if row["question"] == question.id:
            return dict(row)
    raise CaseAltered([f"{case_uri}: found no answer to {question.id}; trace the case again"])


def _session(case_uri: str, case: StoredCase) -> "DuckDBPyConnection":
    """A database in memory with the tables of the case; it opens no file and loads no extension."""
    import duckdb  # of the packages for exports, which a run does not need

    session = duckdb.connect(config={"enable_external_access": "false"})
    for statement in DUCKDB_NAMES:
        session.execute(statement)
    for name in ("conversations", "peers", "path"):
        session.register(name, table_of(case_uri, case, name))
    flows = table_of(case_uri, case, "flows", _COLUMNS)
    names = (f"{reading.folder}/flows" for reading in _OF_PATH)
    near = [table_of(case_uri, case, name, _COLUMNS) for name in names if name in case.tables]
    session.register("flows", flows)
    session.register("path_flows", pa.concat_tables([flows.slice(0, 0), *near]))
    return session


_OF_PATH = [reading for reading in FURTHER_READINGS if reading is not Reading.BASELINE]
_COLUMNS = (
    "record_id", "srcaddr", "dstaddr", "srcport", "dstport", "pkt_srcaddr", "pkt_dstaddr",
    "protocol", "packets", "bytes", "start", "end", "action", "tcp_flags", "interface_id",
    "object_uri", "object_line",
)  # fmt: skip


# A row of an answer and a conversation are of each other where they agree in every column that the
# row has; a row without `first_at` is of any time.
_KEYS = ("hop", "from_address", "initiator", "peer", "service_port", "protocol", "hour", "service")
_TOLD = """
    CREATE TEMP VIEW told AS
    SELECT *, subject_address AS from_address, date_trunc('HOUR', first_at) AS hour,
           coalesce(peer_aws_service, peer_name, 'unnamed') AS service
    FROM conversations"""


def _find_behind(
    session: "DuckDBPyConnection", question: Question, context: QuestionContext
) -> None:
    """Make the tables `behind` (conversations) and `members` (records of these)."""
    session.execute(f"CREATE TEMP TABLE answer_rows AS SELECT * FROM {question.rows_sql(context)}")
    names = {str(row[0]) for row in session.execute("DESCRIBE answer_rows").fetchall()}
    if "conversation_id" in names and "hop" not in names:
        same = ["c.conversation_id = r.conversation_id", "c.hop = 1"]
    else:
        same = [f"(r.{key} IS NULL OR c.{key} = r.{key})" for key in _KEYS if key in names]
        same += _at_the_time(names)
        same += [] if "hop" in names else ["c.hop = 1"]
    if question.side is not None:
        same.append(f"c.initiator = '{question.side}'")
    session.execute(_TOLD)
    session.execute(
        f"""CREATE TEMP TABLE behind AS SELECT * FROM told c
            WHERE EXISTS (SELECT 1 FROM answer_rows r WHERE {" AND ".join(same)})"""
    )
    session.execute(_MEMBERS)


def _at_the_time(names: set[str]) -> list[str]:
    if "first_at" not in names:
        return []
    if "last_at" not in names:
        return ["c.first_at >= r.first_at" if "hop" in names else "c.first_at = r.first_at"]
    return ["c.first_at BETWEEN r.first_at AND r.last_at"]


# As `transforms.conversations.members` joins them, without Spark: what is behind an answer is
# counted by other code than what made it.
_ENDS = """coalesce(pkt_srcaddr, srcaddr) AS src, coalesce(pkt_dstaddr, dstaddr) AS dst,
    coalesce(srcport, 0) AS sport, coalesce(dstport, 0) AS dport"""
_BOUNDS = 'coalesce(start, "end") AS first_s, coalesce("end", start) AS last_s'
_SAME_ENDS = {
    "true": ("src", "sport", "dst", "dport"),
    "false": ("dst", "dport", "src", "sport"),
}
_JOINED = " UNION ALL ".join(
    f"""
    SELECT f.*, {is_out} AS is_out, c.conversation_id, c.hop, c.outcome, c.initiator,
           c.observed_at
    FROM record f JOIN conversations c
      ON (c.hop = 1) = f.is_near AND c.protocol IS NOT DISTINCT FROM f.protocol
     AND c.subject_address = f.{own} AND c.subject_port = f.{own_port}
     AND c.peer = f.{far} AND c.peer_port = f.{far_port}
     AND f.first_s >= unix_timestamp(c.first_at) AND f.last_s <= unix_timestamp(c.last_at)"""
    for is_out, (own, own_port, far, far_port) in _SAME_ENDS.items()
)
_MEMBERS = f"""
    CREATE TEMP TABLE members AS
    WITH record AS (
        SELECT *, {_ENDS}, {_BOUNDS}, {IS_REJECTED} AS is_rejected,
               regexp_extract(object_uri, '(fl-[0-9a-f]+)[^/]*$', 1) AS flow_log_id
        FROM (SELECT *, true AS is_near FROM flows
              UNION ALL SELECT DISTINCT ON (record_id) *, false FROM path_flows)
    ),
    joined AS ({_JOINED}),
    chosen AS (
        SELECT *, row_number() OVER (PARTITION BY record_id, is_near, is_out ORDER BY
            CASE WHEN is_rejected AND outcome IN ({sql_list(BLOCKED_OUTCOMES)})
                      AND (initiator = 'subject') = is_out THEN 0
                 WHEN outcome NOT IN ({sql_list(BLOCKED_OUTCOMES)}) THEN 1 ELSE 2 END,
            conversation_id) AS nth
        FROM joined
    )
    SELECT * FROM chosen
    WHERE nth = 1 AND (conversation_id, hop) IN (SELECT (conversation_id, hop) FROM behind)"""
_CONVERSATIONS = """
    SELECT hop, first_at, last_at, subject_address, peer, peer_name, protocol, service_port,
           initiator, certainty, outcome, bytes_out, bytes_in, records, copies, conversation_id
    FROM behind ORDER BY hop, first_at, conversation_id"""
_RECORDS = """
    SELECT record_id, conversation_id, first_s, srcaddr, srcport, dstaddr, dstport, protocol,
           packets, bytes, action, interface_id, object_uri, object_line
    FROM members ORDER BY hop, first_s, record_id"""
_TOTALS = """
    SELECT (SELECT count(*) FROM behind) AS conversations, count(*) AS records,
           count(DISTINCT object_uri) AS objects
    FROM members"""
# Times and numbers of a conversation against those of its records. A volume is that of one
# interface in one flow log; where copies were left out only their number is compared.
_UNEQUAL = """
    WITH volume AS (
        SELECT conversation_id, hop, flow_log_id,
               sum(bytes) FILTER (WHERE is_out AND NOT is_rejected) AS bytes_out,
               sum(bytes) FILTER (WHERE NOT is_out AND NOT is_rejected) AS bytes_in
        FROM members WHERE interface_id IS NOT DISTINCT FROM observed_at GROUP BY ALL
    ),
    counted AS (
        SELECT conversation_id, hop, count(*) AS records, min(first_s) AS first_s,
               max(last_s) AS last_s
        FROM members GROUP BY ALL
    )
    SELECT b.conversation_id, b.hop, b.records + b.copies AS told, coalesce(n.records, 0) AS found,
           n.first_s IS DISTINCT FROM unix_timestamp(b.first_at)
               OR n.last_s IS DISTINCT FROM unix_timestamp(b.last_at) AS is_other_time,
           b.copies = 0 AND b.bytes_out IS NOT NULL AND b.bytes_in IS NOT NULL AND NOT EXISTS (
               SELECT 1 FROM volume v
               WHERE v.conversation_id = b.conversation_id AND v.hop = b.hop
                 AND coalesce(v.bytes_out, 0) = b.bytes_out AND coalesce(v.bytes_in, 0) = b.bytes_in
           ) AS is_other_volume
    FROM behind b LEFT JOIN counted n USING (conversation_id, hop)
    WHERE told <> found OR is_other_time OR is_other_volume
    ORDER BY b.hop, b.first_at, b.conversation_id"""


def _unequal(session: "DuckDBPyConnection") -> list[str]:
    problems = []
    for row in _rows(session, _UNEQUAL, None):
        name = f"conversation {row['conversation_id']} (hop {row['hop']})"
        if row["told"] != row["found"]:
            problems.append(f"{name}: {row['told']:,} records, its flows are {row['found']:,}")
        elif row["is_other_time"]:
            problems.append(f"{name}: its time is not that of its records")
        else:
            problems.append(f"{name}: its volume is not the sum of its records")
    return problems


def _rows(session: "DuckDBPyConnection", statement: str, limit: int | None) -> list[Row]:
    found = session.execute(statement)
    names = [str(column[0]) for column in found.description or ()]
    rows = found.fetchall() if limit is None else found.fetchmany(limit)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _only_row(session: "DuckDBPyConnection", statement: str) -> Row:
    (row,) = _rows(session, statement, None)
    return row

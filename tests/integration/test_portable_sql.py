"""Every statement of the answers in Spark and in DuckDB, and the page that says how."""

import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from jobs.spark.views import registered_views
from tests.support.cases import TracedCase
from tests.support.paths import ROOT
from transforms.questions.catalogue import QUESTIONS
from transforms.questions.context import Baseline, FindingSigns, QuestionContext
from transforms.questions.dialect import DUCKDB_NAMES
from transforms.questions.expected import expected_peer
from transforms.questions.options import QuestionOptions, Thresholds
from transforms.standing.path import Followed

PAGE = (ROOT / "docs/reference/query-without-spark.md").read_text()
TABLES = ("conversations", "peers", "path")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def block(language: str, nth: int = 0) -> str:
    """A block of code of the page, as a reader copies it."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found[nth]


def contexts() -> Mapping[str, QuestionContext]:
    """What changes the text of statements: thresholds, expectations, containment, a baseline."""
    plain = QuestionContext(
        options=QuestionOptions(), thresholds=Thresholds(), followed=Followed(),
        finding=FindingSigns(NOON, ("198.51.100.23", "2001:db8::7")),
    )  # fmt: skip
    expected = tuple(map(expected_peer, ("10.20.1.21", "10.20.2.22:8081", "[fd00::7]:443")))
    asked = QuestionOptions(expected_peers=expected, contained_at=NOON)
    return {
        "defaults": plain,
        "everything asked": replace(
            plain, options=asked, baseline=Baseline(3, 0, 3, 10, 2, True)
        ),
        "strict thresholds": replace(
            plain,
            thresholds=Thresholds(
                scan_ports=2, fan_out_hosts=2, icmp_hosts=1, regular_calls=3, regular_gap_s=1,
                regular_cv_percent=500, long_session_s=60, repeated_calls=2, transfer_bytes=1,
            ),
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def in_duckdb(traced_day: TracedCase) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect()
    session.execute(block("sql"))
    for name in (*TABLES, "answers"):
        session.register(name, DeltaTable(f"{traced_day.folder}/{name}").to_pyarrow_table())
    return session


def figures_of(session: duckdb.DuckDBPyConnection, statement: str) -> dict[str, Any]:
    found = session.execute(statement)
    names = [column[0] for column in found.description or ()]
    (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("name", contexts())
def test_every_statement_gives_the_same_figures_in_both_engines(
    name: str, spark: SparkSession, traced_day: TracedCase, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    context = contexts()[name]
    frames = {
        table: spark.read.format("delta").load(f"{traced_day.folder}/{table}") for table in TABLES
    }
    with registered_views(spark, **frames):
        in_spark = {
            question.id: spark.sql(question.source(context)).collect()[0].asDict()
            for question in QUESTIONS
        }

    found = {question.id: figures_of(in_duckdb, question.source(context)) for question in QUESTIONS}

    assert found == in_spark
    # Not all of it is nothing.
    assert sum(any(figures.values()) for figures in found.values()) >= 15


def test_explain_and_the_page_tell_duckdb_the_same() -> None:
    assert block("sql") == "".join(f"{statement};\n" for statement in DUCKDB_NAMES)


def test_duckdb_gives_the_published_figures_again(
    traced_day: TracedCase, in_duckdb: duckdb.DuckDBPyConnection
) -> None:
    rows = in_duckdb.execute("SELECT question, source, figures FROM answers").fetchall()

    assert {question for question, _, _ in rows} == {question.id for question in QUESTIONS}
    for question, source, figures in rows:
        assert figures_of(in_duckdb, source) == dict(figures), question


@pytest.mark.parametrize(("nth", "told"), [(0, "How much left?"), (1, "10.20.2.22")])
def test_the_page_runs_as_it_stands(traced_day: TracedCase, nth: int, told: str) -> None:
    printed = StringIO()

    with redirect_stdout(printed):
        exec(block("python", nth), {"CASE": str(traced_day.folder), "NAMES": block("sql")})

    assert told in printed.getvalue()

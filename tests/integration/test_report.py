"""The report: what it publishes is in the tables; a browser shows all of it and asks nothing."""

import html
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from demo.vpc import APP, BUILD, SUSPECT
from jobs.trace_instance import main
from tests.support.browser import misplaced, needs_a_browser, open_all, violations
from tests.support.services import DemoDay
from transforms.questions.options import Thresholds

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}$\\frac$ \u202egnp.exe"


@pytest.fixture(scope="module")
def case(spark: SparkSession, demo_day: DemoDay, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo day, traced; one of the peers that was reached has a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    day = folder / "day"
    shutil.copytree(demo_day.folder / "labels", day / "labels")
    labels = day / "labels/instances.csv"
    named = labels.read_text()
    assert ",app-2\n" in named or "app-2" in named
    quoted = HOSTILE.replace('"', '""')
    labels.write_text(re.sub(r"\bapp-2\b", lambda _: f'"{quoted}"', named, count=1))
    flags = ["--flow_logs", str(demo_day.folder / "flow-logs"), "--case_id", "case"]
    flags += ["--finding", str(demo_day.folder / "finding.json"), "--output", str(folder)]
    flags += ["--contained_at", "2026-11-23T04:00:00Z", "--labels", str(day / "labels")]
    assert main(flags) == 0
    return folder / "case"


def test_the_path_leads_through_the_entered_server_to_the_build_server_and_nowhere_else(
    spark: SparkSession, case: Path
) -> None:
    path = spark.read.format("delta").load(str(case / "path"))
    steps = path.select("hop", "from_address", "to_address", "service_port", "outcome").collect()

    assert [tuple(step) for step in sorted(steps)] == [
        (1, SUSPECT.address, APP[1].address, 22, "DATA"),
        (2, APP[1].address, BUILD.address, 22, "DATA"),
    ]
    assert path.where("first_at < contact_at").count() == 0


def test_the_headline_tells_the_attack_and_the_story_is_in_order_of_time(case: Path) -> None:
    story = json.loads((case / "manifest.json").read_text())["story"]

    begin = "web-3 was entered over SSH from 198.51.100.23 at 02:39, tried 167 addresses"
    assert story["headline"].startswith(begin)
    assert story["headline"].endswith(", was stopped by db-1 and sent 2.4 GB to 192.0.2.77.")
    assert len(story["headline"].split()) <= 40
    times = [act["at"] for act in story["acts"]]
    assert times == sorted(times)
    assert [act["technique"] for act in story["acts"] if act["technique"]] == [
        "T1110", "T1046", "T1021.004", "T1021.004", "T1048",
    ]  # fmt: skip
    text = html.unescape((case / "report.html").read_text())
    assert story["headline"] in text
    assert all(act["sentence"] in text for act in story["acts"])


def test_every_published_figure_is_what_its_query_gives(spark: SparkSession, case: Path) -> None:
    for table in ("conversations", "peers", "path"):
        spark.read.format("delta").load(str(case / table)).createOrReplaceTempView(table)
    answers = spark.read.format("delta").load(str(case / "answers")).collect()
    text = (case / "report.html").read_text()
    published = re.findall(
        r'<data class="figure" data-question="([^"]+)" data-figure="([^"]+)" value="(-?\d+)"', text
    )

    recomputed = {
        (row["question"], name): value
        for row in answers
        for name, value in spark.sql(row["source"]).collect()[0].asDict().items()
    }
    for row in answers:
        assert f"<pre>{html.escape(row['source'])}</pre>".replace("&#x27;", "&#39;") in text
    assert {(question, name) for question, name, _ in published} == set(recomputed)
    for question, name, shown in published:
        assert int(shown) == recomputed[question, name], (question, name)


def test_thresholds_and_rule_versions_that_were_used_are_printed(case: Path) -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (case / "report.html").read_text()))

    window = {"window_s": 96_000}  # from midnight until a day after the finding
    for name, value in {**Thresholds()._asdict(), **window}.items():
        assert f" {name} {value} " in text, name
    assert (
        "Rules of the questions: version 1; of conversations: 2; of service classes: 1; of the "
        "verdict: 3."
    ) in text


@needs_a_browser
@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("medium", ["screen", "print"])
def test_a_browser_shows_everything_and_asks_for_nothing(
    case: Path, browser: Any, width: int, medium: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.emulate_media(media=medium)
    page.goto((case / "report.html").as_uri())

    assert asked == [page.url]
    assert said == []
    assert misplaced(page) == []
    page.close()


@needs_a_browser
def test_it_is_short_on_a_screen_and_on_paper(case: Path, browser: Any) -> None:
    from pypdf import PdfReader

    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((case / "report.html").as_uri())

    assert page.evaluate("document.documentElement.scrollHeight") <= 6_000
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(PdfReader(io.BytesIO(printed)).pages) <= 8
    page.close()


@needs_a_browser
def test_a_phone_shows_it_without_sideways_scrolling(case: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((case / "report.html").as_uri())

    assert misplaced(page) == []
    open_all(page)
    assert misplaced(page) == []
    assert violations(page) == []
    page.close()


@needs_a_browser
def test_a_hostile_label_is_shown_as_text(case: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((case / "report.html").as_uri())

    visible = page.inner_text("body")
    assert HOSTILE.replace("\u202e", "") in visible  # the reader of labels takes it out already
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 0
    page.close()

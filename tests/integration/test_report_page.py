"""The report of three made cases in a real browser: screens, paper, and readers of all kinds."""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.output.report import render_report
from jobs.pipeline.result import RunResult
from tests.support.browser import misplaced, needs_a_browser, open_all, violations
from tests.support.made_stories import attack, healthy, unseen

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{7*7}}</title></style></svg>"
STORIES: Mapping[str, Callable[[], RunResult]] = {
    "attack": attack,
    "healthy": healthy,
    "unseen": unseen,
    "hostile": lambda: attack(name=HOSTILE, reached={"peer_name": HOSTILE}),
}
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
pytestmark = needs_a_browser


@dataclass(frozen=True)
class Pages:
    """The reports, and a browser to open them in."""

    browser: Any
    folder: Path

    def open(self, story: str, **settings: Any) -> Any:
        """A page that shows the report, with everything that it asked for or complained of."""
        page = self.browser.new_page(**settings)
        page.complaints = []
        page.on("request", lambda request: page.complaints.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("dialog", lambda dialog: page.complaints.append(f"dialog {dialog.message}"))
        page.goto((self.folder / f"{story}.html").as_uri())
        return page


@pytest.fixture(scope="module")
def pages(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    folder = tmp_path_factory.mktemp("pages")
    for name, make in STORIES.items():
        text = render_report(make(), "0" * 64)
        assert text is not None
        (folder / f"{name}.html").write_text(text)
    return Pages(browser, folder)


@pytest.mark.parametrize(
    ("story", "scheme", "screen"),
    [
        *((story, "light", DESKTOP) for story in STORIES),
        *((story, "dark", PHONE) for story in STORIES),
        ("attack", "dark", DESKTOP),
        ("attack", "light", PHONE),
    ],
)
def test_everybody_can_read_it(
    pages: Pages, story: str, scheme: str, screen: Mapping[str, int]
) -> None:
    """Nothing cut or hidden, no sideways scrolling, no request, and nothing that axe objects to."""
    page = pages.open(story, viewport=screen, color_scheme=scheme)

    assert misplaced(page) == []
    open_all(page)
    assert misplaced(page) == []
    assert violations(page) == []
    assert page.complaints == [page.url]
    page.close()


@pytest.mark.parametrize("width", [800, 1024, 1920])
def test_nothing_is_cut_at_widths_in_between(pages: Pages, width: int) -> None:
    page = pages.open("hostile", viewport={"width": width, "height": 900})

    assert misplaced(page) == []
    page.close()


def test_the_first_screen_of_a_desktop_answers_who_where_and_what(pages: Pages) -> None:
    page = pages.open("attack", viewport=DESKTOP)

    first = [
        node.text_content()
        for node in page.query_selector_all("h1, .verdict, .facts, svg.wide text")
        if node.is_visible() and node.bounding_box()["y"] + node.bounding_box()["height"] < 900
    ]
    shown = " ".join(" ".join(first).split())
    for words in (
        "web-3 was entered over SSH from 198.51.100.23", "DATA", "i-0839de4aa2b2f82cb",
        "UnauthorizedAccess:EC2/SSHBruteForce", "high (8)", "2026-11-23 00:00:00 UTC", "PARTIAL",
        "24 slots without an object", "Never in flow logs: logins", "app-2 10.20.2.22",
        "SSH 03:31 · data", "PostgreSQL 03:20 · stopped", "20 silent targets", "8 ordinary",
        "03:39 · 2.4 GB out",
    ):  # fmt: skip
        assert words in shown, words
    page.close()


def test_without_a_story_nothing_looks_like_one(pages: Pages) -> None:
    page = pages.open("healthy", viewport=DESKTOP)

    assert page.inner_text("h1") == "web-1 did nothing inside but what is ordinary for it."
    assert page.locator(".story, svg .bar").count() == 0
    edges = page.eval_on_selector_all("#graph > svg .edge", "all => all.map(e => e.classList[1])")
    assert edges == ["ordinary"] * 3
    assert "none was given" in page.inner_text(".facts")
    page.close()


def test_of_an_unseen_machine_nothing_is_drawn_and_nothing_denied(pages: Pages) -> None:
    page = pages.open("unseen", viewport=DESKTOP)

    text = page.inner_text("body")
    assert page.locator("svg").count() == 0
    assert page.inner_text("h1").startswith("The records cannot tell whether web-9")
    assert not re.findall(r"[Nn]othing was|No conversation|[Nn]obody|began nothing", text)
    page.close()


def test_hostile_names_are_text_and_nothing_else(pages: Pages) -> None:
    page = pages.open("hostile", viewport=DESKTOP)

    assert page.locator("img, script, iframe, object, link, form").count() == 0
    assert page.locator("style").count() == 1
    assert HOSTILE[:40] in page.inner_text("h1")
    assert page.title().startswith("Case case: <img src=x")
    page.close()


def test_every_link_leads_to_something_on_the_page(pages: Pages) -> None:
    page = pages.open("attack", viewport=DESKTOP)

    links = page.eval_on_selector_all("a", "all => all.map(each => each.getAttribute('href'))")
    assert len(set(links)) > 30
    assert [link for link in set(links) if not page.query_selector(f"[id='{link[1:]}']")] == []
    page.close()


def test_a_long_table_shows_ten_rows_by_standing_and_says_where_the_rest_is(pages: Pages) -> None:
    page = pages.open("attack", viewport=DESKTOP)
    open_all(page)

    tried = page.locator("section.question", has=page.locator("#P0-2"))
    rows = tried.locator("tbody tr")
    assert rows.count() == 10
    standings = tried.locator("td[data-label=standing]").all_inner_texts()
    assert standings == ["suspicious"] * 10
    assert "21 more rows are not shown here: the table answers of the case has them" in (
        tried.inner_text()
    )
    size = tried.get_by_title("2,400,000 bytes").first
    assert size.inner_text() == "2.4 MB"
    page.close()


def pdf_pages(page: Any) -> list[str]:
    from pypdf import PdfReader

    printed = page.pdf(format="A4", prefer_css_page_size=True)
    return [each.extract_text() for each in PdfReader(io.BytesIO(printed)).pages]


def test_every_printed_page_has_its_foot_and_every_table_its_head(pages: Pages) -> None:
    page = pages.open("attack", color_scheme="dark")
    # A table that is longer than a page, which the ten rows of a report are not.
    page.evaluate("""() => {
        const body = document.querySelector('#P0-2').closest('section').querySelector('tbody');
        const rows = [...body.rows];
        for (let n = 0; n < 20; n++) rows.forEach(row => body.append(row.cloneNode(true)));
    }""")

    printed = pdf_pages(page)

    long = [text for text in printed if text.count("tcp 22") > 20]
    assert len(long) >= 2
    assert all(re.search(r"peer.*standing|standing.*peer", text, re.DOTALL) for text in long)
    for number, text in enumerate(printed, start=1):
        assert "Case case · run 20261128t115628z-d8e0 · manifest.json of the case" in text
        assert f"{number} of {len(printed)}" in text
    page.close()


def test_paper_is_white_whatever_the_screen(pages: Pages) -> None:
    page = pages.open("attack", color_scheme="dark")
    page.emulate_media(media="print")

    ink = page.evaluate("getComputedStyle(document.body).color")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert ink == "rgb(22, 24, 29)"
    page.close()


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance", of `#rgb` or `#rrggbb`."""
    digits = colour.strip().lstrip("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# Front, back, and the least contrast: WCAG 1.4.3 for texts, 1.4.11 for lines.
_PAIRS = (
    *(("ink", fill, 4.5) for fill in ("paper", "data-fill", "answered-fill", "stopped-fill")),
    *(("muted", fill, 4.5) for fill in ("paper", "data-fill", "stopped-fill", "plain-fill")),
    ("paper", "data", 4.5),
    *((line, "paper", 3.0) for line in ("data", "answered", "stopped", "silent", "ordinary")),
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_axe_cannot_measure_in_a_drawing_has_contrast(pages: Pages, scheme: str) -> None:
    page = pages.open("attack", color_scheme=scheme)

    for front, back, least in _PAIRS:
        colours = [
            page.evaluate("name => getComputedStyle(document.body).getPropertyValue(name)", name)
            for name in (f"--{front}", f"--{back}")
        ]
        dark, bright = sorted(map(luminance, colours))
        assert (bright + 0.05) / (dark + 0.05) >= least, (front, back)
    page.close()

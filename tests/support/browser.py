"""A real browser for tests of the report, and what is wrong with a page in it."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_a_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the path (apt-get install chromium)"
)

# Text that leaves its box, or boxes of text that lie over one another.
_MISPLACED = """() => {
  const wrong = [];
  if (document.documentElement.scrollWidth > window.innerWidth)
    wrong.push('the page is wider than the window');
  const isShown = node => node.checkVisibility() && !node.closest('.unseen, .tree, thead');
  const all = document.querySelectorAll('h1, h2, h3, p, li, pre, td, th, b, span, dd, summary');
  for (const node of [...all].filter(isShown)) {
    const box = node.getBoundingClientRect();
    if (box.right > window.innerWidth + 1 || box.left < -1)
      wrong.push('cut: ' + node.tagName + ' ' + node.textContent.slice(0, 40));
    if (getComputedStyle(node).display !== 'inline' && node.scrollWidth > node.clientWidth + 1)
      wrong.push('overflows: ' + node.tagName + ' ' + node.textContent.slice(0, 40));
  }
  const blocks = [...document.querySelectorAll('h1, h2, h3, p, pre, table, svg, .number, summary')]
    .filter(isShown).filter(node => !node.closest('.number, .legend') || node.matches('.number'));
  for (let i = 1; i < blocks.length; i++) {
    const a = blocks[i - 1].getBoundingClientRect(), b = blocks[i].getBoundingClientRect();
    const isBeside = b.left >= a.right - 1 || a.left >= b.right - 1;
    if (!isBeside && b.top < a.bottom - 1 && b.bottom > a.top + 1)
      wrong.push('overlaps: ' + blocks[i].textContent.slice(0, 40));
  }
  for (const cell of [...document.querySelectorAll('td')].filter(isShown))
    if (cell.textContent.length > 3
        && cell.clientWidth < 3.2 * parseFloat(getComputedStyle(cell).fontSize))
      wrong.push('crushed: ' + cell.textContent.slice(0, 40));
  for (const text of [...document.querySelectorAll('svg text')].filter(isShown)) {
    const box = text.getBoundingClientRect(), frame = text.closest('svg').getBoundingClientRect();
    if (box.left < frame.left - 22 || box.right > frame.right + 22 || box.top < frame.top - 2
        || box.bottom > frame.bottom + 2)
      wrong.push('outside its drawing: ' + text.textContent.slice(0, 40));
  }
  for (const node of [...document.querySelectorAll('svg g')].filter(isShown)) {
    const rects = [...node.querySelectorAll('rect')].map(rect => rect.getBoundingClientRect());
    const right = Math.max(...rects.map(rect => rect.right));
    for (const text of node.querySelectorAll('text'))
      if (text.getBoundingClientRect().right > right)
        wrong.push('leaves its node: ' + text.textContent.slice(0, 40));
  }
  return wrong.slice(0, 10);
}"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


def misplaced(page: Any) -> list[str]:
    """What is cut, overflows or lies over something else."""
    found: list[str] = page.evaluate(_MISPLACED)
    return found


def violations(page: Any) -> list[str]:
    """What axe-core finds wrong, by all of its rules: WCAG A and AA, and good practice."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found]


def open_all(page: Any) -> None:
    """Open everything that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")

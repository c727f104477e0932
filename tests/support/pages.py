"""Tables of the documentation, as tests compare them with what the code says."""

import itertools

from tests.support.paths import ROOT


def page_table(page: str, start: str) -> list[list[str]]:
    """Cells of the table of a page whose first line starts so, without backquotes."""
    lines = (ROOT / page).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(start))
    table = list(itertools.takewhile(lambda line: line.startswith("|"), lines[first:]))
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in table]
    return [[cell.replace("`", "") for cell in row] for row in (rows[0], *rows[2:])]

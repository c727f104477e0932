"""The page about exports names every format, and every column that no table has."""

from dataclasses import fields

from tests.support.paths import ROOT
from transforms.exports.formats import FORMATS
from transforms.exports.indicators import Indicator

PAGE = (ROOT / "docs/reference/exports.md").read_text()


def test_every_format_has_its_section() -> None:
    assert [line for line in PAGE.splitlines() if line.startswith("## `")] == [
        f"## `{name}`" for name in FORMATS
    ]


def test_every_column_of_the_indicators_is_explained() -> None:
    section = PAGE.partition("## `csv`")[2].partition("## `")[0]

    assert [each.name for each in fields(Indicator) if f"`{each.name}`" not in section] == []

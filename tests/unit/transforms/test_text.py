"""Text of others on a terminal, in a report and in a message."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text import csv_cell, for_mail, masked, quoted, sanitise, without_unfit

# (name, what others wrote, what is shown): U+FFFD is the mark for what was taken out.
HOSTILE = [
    ("ESC of a colour", "web\x1b[31m-3", "web\ufffd[31m-3"),
    ("C1: CSI in one character", "web\x9b31m", "web\ufffd31m"),
    ("DEL", "web\x7f3", "web\ufffd3"),
    ("NUL", "web\x003", "web\ufffd3"),
    ("a line of its own", "web-3\n  ok  balanced", "web-3\ufffd  ok  balanced"),
    ("carriage return", "BAD\rok ", "BAD\ufffdok "),
    ("tab", "a\tb", "a\ufffdb"),
    ("right-to-left override", "exe.\u202egpj", "exe.\ufffdgpj"),
    ("isolate", "a\u2066b\u2069", "a\ufffdb\ufffd"),
    ("left-to-right and right-to-left mark", "a\u200eb\u200f", "a\ufffdb\ufffd"),
    ("Arabic letter mark", "a\u061cb", "a\ufffdb"),
    ("line separator", "a\u2028b", "a\ufffdb"),
    ("paragraph separator", "a\u2029b", "a\ufffdb"),
    ("zero-width space", "pay\u200bpal", "pay\ufffdpal"),
    ("zero-width joiners", "a\u200cb\u200dc", "a\ufffdb\ufffdc"),
    ("word joiner", "a\u2060b", "a\ufffdb"),
    ("byte order mark", "\ufeffid", "\ufffdid"),
    ("soft hyphen", "db\u00ad1", "db\ufffd1"),
    ("tag character", "a\U000e0041b", "a\ufffdb"),
    ("Hangul filler", "a\u3164b", "a\ufffdb"),
    ("variation selector", "a\ufe0fb", "a\ufffdb"),
    ("lone surrogate", "a\ud800b", "a\ufffdb"),
    ("private use", "a\ue000b", "a\ufffdb"),
    ("no-break and wide spaces", "a\u00a0b\u3000c", "a b c"),
]
KIND = [
    ("ASCII", "web-3.example.org:22"),
    ("accents", "Zürich naïve"),
    ("Chinese", "数据库"),
    ("Arabic", "خادم"),
    ("emoji", "🙂"),
    ("combining mark", "e\u0301"),
]


@pytest.mark.parametrize(
    ("written", "shown"), [row[1:] for row in HOSTILE], ids=[r[0] for r in HOSTILE]
)
def test_what_steers_or_hides_is_marked(written: str, shown: str) -> None:
    assert sanitise(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://evil.example/x", "https[:]//evil[.]example/x"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("xn--e1awd7f.xn--p1ai", "xn--e1awd7f[.]xn--p1ai"),
        ("пример.рф", "пример[.]рф"),
        ("all@evil.example", "all[at]evil[.]example"),
        ("<!channel> <https://a.b|c>", "(!channel) (https[:]//a[.]b|c)"),
        ("[Sign in](javascript:x)", "[Sign in] (javascript:x)"),
        ("\\\\host\\share", "\\\\host\\share"),
        ("line\r\nBcc: x", "line\ufffd\ufffdBcc: x"),
        ("10.20.1.40:22, 3.5 GB at 02:10. Then", "10.20.1.40:22, 3.5 GB at 02:10. Then"),
    ],
)
def test_nothing_in_a_message_comes_alive(written: str, shown: str) -> None:
    assert for_mail(written) == shown


@pytest.mark.parametrize("text", [row[1] for row in KIND], ids=[row[0] for row in KIND])
def test_the_languages_of_the_world_stay(text: str) -> None:
    assert sanitise(text) == text
    assert without_unfit(text) == text


def test_a_long_text_ends_with_an_ellipsis() -> None:
    assert sanitise("abcdef", 6) == "abcdef"
    assert sanitise("abcdefg", 6) == "abcde…"
    assert sanitise("x" * 300) == "x" * 255 + "…"


def test_values_that_are_no_text_are_shown_as_text() -> None:
    assert sanitise(None) == "None"
    assert sanitise(["a\x1b"]) == "['a\\x1b']"


def test_a_name_can_be_stored_without_what_is_unfit() -> None:
    assert without_unfit("we\u200bb\x1b-3\u00a0a") == "web-3 a"


def test_a_message_quotes_in_ascii() -> None:
    assert quoted("a\u202eb") == r"'a\u202eb'"
    assert quoted("x" * 70) == "'" + "x" * 63 + r"\u2026'"
    assert quoted("a'b") == '"a\'b"'


@given(st.text(st.characters()), st.integers(1, 80))
def test_whatever_is_written_stays_on_one_line_and_within_the_limit(text: str, limit: int) -> None:
    shown = sanitise(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(c) for c in shown} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert sanitise(shown, limit) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://AKIAKEY:sEcRet@bucket/logs", "s3://***@bucket/logs"),
        ("s3://AKIAKEY:sEc/Ret+/x@bucket/logs", "s3://***@bucket/logs"),
        ("https://user:pass@host/x", "https://***@host/x"),
        ("s3://A:b@one,s3://C:d@two", "s3://***@one,s3://***@two"),
        ("https://host/a?X-Amz-Signature=abc#f", "https://host/a?***"),
        ("GET HTTP://host/a?sig=abc failed", "GET HTTP://host/a?*** failed"),
        ("s3://bucket/a?b#c", "s3://bucket/a?b#c"),
        ("s3://bucket/logs", "s3://bucket/logs"),
        ("web-3 at 10:00", "web-3 at 10:00"),
    ],
)
def test_credentials_and_queries_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("web-3", "web-3"),
        (-12, "-12"),
        ("+3.5", "+3.5"),
        ('=cmd|"/C calc"!A1', '\'=cmd|"/C calc"!A1'),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1+1", "'  =1+1"),
        ("'=1+1", "''=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\t=1+1", "'\ufffd=1+1"),
        ("a\nb", "a\ufffdb"),
        ("web;=1+1", "web;'=1+1"),
        ('web";"=1+1', 'web";"\'=1+1'),
        ("a, -b| @c", "a, '-b| '@c"),
        ("a=b; c-d", "a=b; c-d"),
    ],
)
def test_a_cell_is_never_a_formula(value: object, cell: str) -> None:
    assert csv_cell(value) == cell

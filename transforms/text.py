"""Text of others, made fit for a terminal, a log, a report or a message.

Names, labels, findings, object keys, manifests and answers of servers come from elsewhere, and an
attacker may have written them. Everything that shows such text calls `sanitise` first.
"""

import re
import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Characters that Unicode counts as letters, marks or symbols although nothing of them is seen:
# fillers, joiners and variation selectors. What `str.isprintable` rejects need not stand here.
_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)


def sanitise(value: object, limit: int = 256) -> str:
    """The text on one line, with at most `limit` characters.

    A replacement character marks the place of each character that could steer a terminal, reorder
    the line, end it or hide: control characters (ESC, C1, DEL), bidirectional controls, line and
    paragraph separators, zero-width and unassigned characters, lone surrogates. Other spaces become
    plain ones. A longer text ends with an ellipsis.
    """
    # One more than the limit tells that the text is too long; the rest is never looked at.
    text = str(value)[: limit + 1]
    if not _is_fit(text):
        text = "".join(_fit(character) for character in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def for_mail(value: object, limit: int = 256) -> str:
    """`sanitise`, for a message: nothing in it becomes a link, a mention or mark-up.

    Dots before letters, `@`, `://` and brackets are written in a way that people still read.
    """
    text = sanitise(value, limit)
    text = re.sub(r":(?=//)", "[:]", text)
    text = re.sub(r"\.(?=[^\W\d_])", "[.]", text)
    return text.replace("@", "[at]").replace("<", "(").replace(">", ")").replace("](", "] (")


def without_unfit(text: str) -> str:
    """The text without the characters that `sanitise` would replace."""
    if _is_fit(text):
        return text
    return "".join(fit for fit in map(_fit, text) if fit != REPLACEMENT)


def quoted(value: object, limit: int = 64) -> str:
    """The value in quotes, ASCII only, for a message that says what was found."""
    text = str(value)
    return ascii(text if len(text) <= limit else text[: limit - 1] + "…")


# Up to the last @, as a secret key may hold slashes.
_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s,'\"]*@")
_QUERY = re.compile(r"(https?://[^\s?#'\"]*)[?#][^\s'\"]*", re.IGNORECASE)


def masked(text: str) -> str:
    """The text with `***` for credentials in its URIs, and for what follows the path of http ones.

    A signed URL carries its signature in its query.
    """
    return _QUERY.sub(r"\1?***", _CREDENTIALS.sub(r"\1***@", text))


# OWASP, "CSV Injection": what makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
# Where a spreadsheet may begin a cell although the file does not: a reader that takes another
# character for the separator, and quotes for text.
_LATER_FORMULA = re.compile(r"([,;|]['\" ]*)(?=[=+@\uff1d\uff0b\uff0d\uff20-])")


def csv_cell(value: object, limit: int = 32_000) -> str:
    """The value for a cell of a CSV file that people open in a spreadsheet: text, never a formula.

    An apostrophe goes before what a spreadsheet would work out, unless it is a number: at the
    start, and after what another spreadsheet takes for the end of a cell.
    """
    if value is None:
        return ""
    text = _LATER_FORMULA.sub(r"\1'", sanitise(value, limit))
    starts = text.lstrip(f" {REPLACEMENT}'").startswith(_FORMULA)
    return f"'{text}" if starts and not _NUMBER.fullmatch(text) else text


def _is_fit(text: str) -> bool:
    return text.isprintable() and _INVISIBLE.isdisjoint(text)


def _fit(character: str) -> str:
    if character.isprintable():
        return REPLACEMENT if character in _INVISIBLE else character
    return " " if unicodedata.category(character) == "Zs" else REPLACEMENT

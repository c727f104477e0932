"""JSON text → the flow records in it, as bare lines.

Records come out of CloudWatch Logs as `{"logEvents": [{"message": "2 1111…"}]}`, out of Firehose as
`{"message": "2 1111…"}`, out of log shippers as `{"srcaddr": "10.0.0.7", …}`; one document per
line, several without anything between them, or one over many lines. AWS, "Real-time processing of
log data with subscriptions".
"""

import codecs
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping

from transforms.flow_fields import FIELD_NAMES
from transforms.scan.blocks import RecordBlock
from transforms.scan.formats import OtherKind, check_columns, encoded, encoded_column
from transforms.scan.inflate import Damaged
from transforms.scan.transit import is_of_transit_gateway

_NO_MESSAGE = "it is no JSON object with a text as its message"
_SEVERAL_LINES = "its message holds several lines"
_UNWRITABLE = "a value holds white space or bytes outside printable ASCII"
# A subscription's document has at most a megabyte; what a person exports may have more.
_MAX_DOCUMENT = 64 * 1024 * 1024
_FIRST_TRY = 64 * 1024
_LINES_TOGETHER = 4 * 1024
_SPACE, _LINE_SPACE = re.compile(r"[ \t\r\n]*"), re.compile(r"[ \t\r\x0b\x0c]*")
_SHOWN = 1024
_CLOUDTRAIL = re.compile(rb'\s*\{\s*"Records"\s*:')
_DECODER = json.JSONDecoder()


class _NotADocument(Exception):
    """What stands here is no JSON document, or not yet."""


class JsonRecords:
    """The records of one JSON object. `columns` is set where its records name their fields.

    `named` are the fields that the first of them names.
    """

    def __init__(self, max_line_bytes: int, *, has_format: bool) -> None:
        self.columns: tuple[str, ...] = ()
        self.named: tuple[str, ...] = ()
        self._max_line_bytes = max_line_bytes
        self._has_format = has_format
        self._lines: list[bytes] = []
        self._refused: list[tuple[int, str, str]] = []
        self._by_line: bool | None = None  # False: one document goes over several lines
        self._line_is_begun = False
        self._is_keyed: bool | None = None

    def blocks(self, chunks: Iterable[bytes]) -> Iterator[RecordBlock]:
        """All records, in order; raises Damaged when the text does not begin as JSON does."""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        text, next_try = "", _FIRST_TRY
        for chunk in chunks:
            if self._by_line is None and not text and _CLOUDTRAIL.match(chunk):
                raise OtherKind("it holds records of CloudTrail, not flow records")
            text += decoder.decode(chunk)
            text = yield from self._whole_lines(text)
            if len(text) >= next_try:
                text = self._documents(text, is_whole=False)
                next_try = max(_FIRST_TRY, 2 * len(text))
            if len(text) > _MAX_DOCUMENT:
                raise Damaged(f"a JSON document in it is longer than {_MAX_DOCUMENT} bytes")
            if len(self._lines) >= _LINES_TOGETHER:
                yield self._flushed()
        text = yield from self._whole_lines(text + decoder.decode(b"", True))
        if text or self._line_is_begun:
            self._last(text)
        if self._lines:
            yield self._flushed()

    def _whole_lines(self, text: str) -> Generator[RecordBlock, None, str]:
        """Take the lines that have ended; returns (as a generator does) what follows the last."""
        if self._by_line is False:
            return text
        at = 0
        while (end := text.find("\n", at)) >= 0:
            line = text[at:end]
            if self._by_line is None and line.strip(" \t\r"):
                self._by_line = self._line_is_begun or self._is_document(line)
                if not self._by_line:
                    break
            self._line(line)
            at = end + 1
            if len(self._lines) >= _LINES_TOGETHER:
                yield self._flushed()
        return text[at:]

    def _last(self, text: str) -> None:
        if self._by_line is not False and (self._line_is_begun or self._is_document(text)):
            self._line(text)
        elif self._by_line:
            self._line(text)
        else:
            rest = self._documents(text, is_whole=True)
            if rest.strip():
                raise Damaged("its JSON data is damaged or cut off before its end")

    @staticmethod
    def _is_document(line: str) -> bool:
        try:
            _decode(line, _LINE_SPACE.match(line).end())  # type: ignore[union-attr]
        except _NotADocument:
            return False
        return True

    def _line(self, line: str) -> None:
        """A line that has ended: each document in it, and what is none is refused at once."""
        rest = self._documents(line, is_whole=True)
        if rest.strip(" \t\r\x0b\x0c"):
            self._refuse(rest, _NO_MESSAGE)
        elif not self._line_is_begun:
            self._lines.append(b"")
        self._line_is_begun = False

    def _documents(self, text: str, *, is_whole: bool) -> str:
        """Take every document that is whole; returns the text behind the last of them."""
        space = _SPACE if self._by_line is False else _LINE_SPACE
        at = 0
        while True:
            start = space.match(text, at).end()  # type: ignore[union-attr]
            if start == len(text):
                return ""
            try:
                document, at = _decode(text, start)
            except _NotADocument:
                return text[start:]
            # The digits of a number may go on in the next chunk; an object has ended for good.
            if not is_whole and not isinstance(document, dict | list):
                return text[start:]
            self._line_is_begun = self._by_line is not False
            self._take(document, text[start : min(at, start + _SHOWN)])

    def _take(self, document: object, shown: str) -> None:
        before = len(self._lines)
        for item in document if isinstance(document, list) else [document]:
            for event in _events_of(item):
                self._event(event, shown)
        if len(self._lines) == before:
            self._lines.append(b"")

    def _event(self, event: object, shown: str) -> None:
        try:
            line = self._record(event)
            if len(line) > self._max_line_bytes:
                raise ValueError(f"longer than {self._max_line_bytes} bytes")
        except ValueError as error:
            self._refuse(shown, str(error))
        else:
            self._lines.append(line)

    def _record(self, event: object) -> bytes:
        """The line of one event; raises ValueError with the reason why it has none."""
        if not isinstance(event, dict):
            raise ValueError(_NO_MESSAGE)
        message, fields = event.get("message"), event.get("extractedFields")
        if not (isinstance(fields, dict) and _has_fields(fields) and not self._has_format):
            fields = None
        if isinstance(message, str) and fields is None and self._is_keyed is not True:
            self._is_keyed = False
            return _text_of(message)
        named = fields or event.get("extractedFields") or event
        if self._is_keyed is False or not isinstance(named, dict) or not _has_fields(named):
            raise ValueError(_NO_MESSAGE)
        return self._keyed(named)

    def _keyed(self, named: Mapping[str, object]) -> bytes:
        """A record that names its fields; the first one says which others there may be."""
        values = {encoded_column(name): value for name, value in named.items()}
        if len(values) < len(named):
            raise ValueError("it names a field twice")
        if not self.columns:
            names = tuple(sorted(name for name in values if name.endswith("%")))
            check_columns(tuple(name.rstrip("%").replace("-", "_") for name in values))
            self.columns, self._is_keyed = (*FIELD_NAMES, *names), True
            self.named = tuple(values)
        if unknown := set(values) - set(self.columns):
            raise ValueError(f"it has a field {min(unknown)[:-1][:64]!r}, the first record has not")
        return " ".join(_word(values.get(name), name) for name in self.columns).encode()

    def _refuse(self, text: str, reason: str) -> None:
        shown = text[:_SHOWN].encode("ascii", "backslashreplace").decode()
        self._refused.append((len(self._lines), shown, reason))
        self._lines.append(b" ")

    def _flushed(self) -> RecordBlock:
        block = RecordBlock(b"".join(line + b"\n" for line in self._lines), self._refused)
        self._lines, self._refused = [], []
        return block


def _decode(text: str, at: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        raise _NotADocument from None


def _events_of(item: object) -> list[object]:
    """The events of a subscription or of the command line's answer; else the item itself."""
    if isinstance(item, dict):
        events = item.get("logEvents", item.get("events"))
        if isinstance(events, list):
            return [] if item.get("messageType") == "CONTROL_MESSAGE" else events
    return [item]


def _has_fields(event: Mapping[str, object]) -> bool:
    names = {name.replace("-", "_") for name in event}
    is_known = not {"srcaddr", "dstaddr", "log_status", "interface_id"}.isdisjoint(names)
    return is_known or is_of_transit_gateway(names)


def _text_of(message: str) -> bytes:
    # A lone surrogate stays a byte outside ASCII, which parsing refuses.
    text = message.encode("utf-8", "surrogatepass").rstrip(b"\r\n")
    if b"\n" in text:
        raise ValueError(_SEVERAL_LINES)
    return text


def _word(value: object, column: str) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    text = value if isinstance(value, str) else json.dumps(value)
    if column.endswith("%"):
        return encoded(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(_UNWRITABLE)
    return text

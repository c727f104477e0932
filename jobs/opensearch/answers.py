"""Answers of OpenSearch, checked before use: what stands at the URL may be anything.

A server that is another product, broken or hostile gets one sentence, never a KeyError: an answer
of the wrong shape raises OddAnswer, and the connection reads errors of any shape.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opensearchpy import Urllib3HttpConnection
from opensearchpy.exceptions import (
    HTTP_EXCEPTIONS,
    OpenSearchException,
    SerializationError,
    TransportError,
)
from opensearchpy.serializer import JSONSerializer

from transforms.text import quoted, sanitise

_REASON = 300


class OddAnswer(OpenSearchException):
    """An answer with a good status and a shape that OpenSearch does not give; one sentence."""


class Shards(NamedTuple):
    """How many shards an answer should be of, and how many it is of."""

    total: int
    successful: int
    failed: int


class Item(NamedTuple):
    """The answer to one document of a bulk request."""

    status: int
    error_type: str
    reason: str


class Connection(Urllib3HttpConnection):
    """Errors of any shape become a TransportError; warnings of the server are not printed."""

    def _raise_error(
        self, status_code: int, raw_data: str | bytes, content_type: str | None = None
    ) -> None:
        kind = HTTP_EXCEPTIONS.get(status_code, TransportError)
        error_type, reason = _error_in(raw_data)
        raise kind(status_code, error_type, {"reason": reason})

    def _raise_warnings(self, warning_headers: Any) -> None:
        pass


class Serializer(JSONSerializer):
    """JSON that is nested too deeply is no answer either."""

    def loads(self, s: str) -> Any:
        """The value; raises SerializationError for text that is not JSON, OddAnswer for depth."""
        try:
            return super().loads(s)
        except RecursionError:
            raise OddAnswer("an answer that is nested too deeply") from None


def name_of(error: OpenSearchException, *, with_reason: bool = True) -> str:
    """What happened: the status, and the server's error type and reason.

    Without the reason where it may quote documents; other text of the answer is never shown.
    """
    if isinstance(error, OddAnswer):
        return str(error)
    if isinstance(error, SerializationError):
        is_other = str(error).startswith("Unknown mimetype")
        return "an answer of another kind than JSON" if is_other else "an answer that is not JSON"
    if not isinstance(error, TransportError) or not isinstance(error.status_code, int):
        return type(error).__name__
    kind = type_of(error)
    reason = error.info.get("reason", "") if isinstance(error.info, Mapping) else ""
    told = ", ".join(part for part in (f"status {error.status_code}", kind) if part)
    return f"{told}: {sanitise(reason, _REASON)}" if with_reason and reason else told


def type_of(error: TransportError) -> str:
    """The server's own name of an error, as far as it is a name."""
    found = error.error
    return found if isinstance(found, str) and re.fullmatch(r"[a-z_]{1,80}", found) else ""


def greeting(answer: object) -> tuple[str, str]:
    """The distribution and the version that a node says at its root."""
    version = _mapping(_mapping(answer, "the greeting").get("version"), "its version")
    distribution = version.get("distribution", "another server")
    return sanitise(distribution, 20), sanitise(version.get("number", "unknown"), 20)


def acknowledge(answer: object, what: str) -> Mapping[str, Any]:
    """The answer to a change that was carried out; raises OddAnswer or, to be repeated, a 503."""
    found = _mapping(answer, what)
    if found.get("acknowledged") is False:
        raise TransportError(503, "not_acknowledged", {"reason": f"{what} is not acknowledged"})
    if found.get("acknowledged") is not True:
        raise OddAnswer(f"an answer to {what} that does not say `acknowledged`")
    return found


def shards_of(answer: object) -> Shards:
    """The shards that an answer is of."""
    shards = _mapping(_mapping(answer, "shards").get("_shards"), "_shards")
    return Shards(*(_number(shards.get(name), f"_shards.{name}") for name in Shards._fields))


def count_of(answer: object) -> int:
    """The number of documents."""
    return _number(_mapping(answer, "a count").get("count"), "count")


def by_name(answer: object, what: str) -> dict[str, Mapping[str, Any]]:
    """An object of objects: indices, aliases, settings or mappings by the name of their index."""
    return {str(name): _mapping(of, what) for name, of in _mapping(answer, what).items()}


def inner(value: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """An object inside of others; empty where it is not there."""
    found: object = value
    for name in path:
        found = _mapping(found, name).get(name, {})
    return _mapping(found, ".".join(path))


def bulk_items(answer: object, number: int) -> list[Item]:
    """An answer for each of the documents of a bulk request, in their order."""
    found = _mapping(answer, "a bulk request")
    errors, items = found.get("errors"), found.get("items")
    if errors is False:
        return [Item(200, "", "")] * number
    if errors is not True or not isinstance(items, Sequence) or len(items) != number:
        held = len(items) if isinstance(items, list) else "no"
        raise OddAnswer(f"an answer to {number:,} documents of a bulk request with {held} items")
    return [_item(each) for each in items]


def _item(value: object) -> Item:
    found = _mapping(_mapping(value, "an item").get("index"), "an item's `index`")
    status = _number(found.get("status"), "an item's status")
    error = found.get("error")
    of = error if isinstance(error, Mapping) else {}
    kind = re.sub(r"[^a-z_]", "", str(of.get("type", ""))[:200])[:80]
    return Item(status, kind, str(of.get("reason", "")))


def _error_in(raw: str | bytes) -> tuple[str, str]:
    """Type and reason of an error's body; empty where it has none."""
    try:
        body = json.loads(raw) if raw else None
    except (ValueError, RecursionError):
        return "", ""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", ""
    cause = error.get("root_cause")
    first = cause[0] if isinstance(cause, list) and cause else error
    told = first if isinstance(first, dict) and first.get("reason") else error
    return str(error.get("type", "")), str(told.get("reason", ""))


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise OddAnswer(f"{what}: found {_kind(value)}; expected an object")
    return value


def _number(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        found = quoted(value, 40) if isinstance(value, str | int | float) else _kind(value)
        raise OddAnswer(f"{what}: found {found}; expected a whole number")
    return value


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a number")

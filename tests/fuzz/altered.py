"""JSON that is right but for one place: what random bytes alone hardly ever make."""

import json
from collections.abc import Iterator
from typing import Any

Where = tuple[str | int, ...]


def altered(value: Any, data: bytes) -> bytes:
    """The value as JSON; the first byte chooses a place, the rest is what stands there instead.

    What is no JSON stands there as text. An empty rest takes the place away.
    """
    places = list(_places(value, ()))
    where = places[(data[0] if data else 0) % len(places)]
    rest = data[1:]
    return json.dumps(_with(value, where, rest)).encode("utf-8", "surrogatepass")


def _places(value: Any, at: Where) -> Iterator[Where]:
    yield at
    for name, item in _items(value).items():
        yield from _places(item, (*at, name))


def _items(value: Any) -> dict[Any, Any]:
    if isinstance(value, dict):
        return dict(value)
    return dict(enumerate(value)) if isinstance(value, list) else {}


def _with(value: Any, where: Where, rest: bytes) -> Any:
    if not where:
        return _value(rest)
    name, *further = where
    items = _items(value)
    if not further and not rest:
        del items[name]
    else:
        items[name] = _with(items[name], tuple(further), rest)
    return items if isinstance(value, dict) else list(items.values())


def _value(rest: bytes) -> Any:
    try:
        return json.loads(rest)
    except (ValueError, RecursionError):
        return rest.decode("utf-8", "replace")

"""Objects named one by one in a file, as `--object_list` gives them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from jobs.errors import BadInput
from jobs.storage.any_key import KeyFailure, head
from jobs.storage.object_store import Place, first_line, open_store, place_of

if TYPE_CHECKING:
    from obstore import ObjectMeta

_HEADS_IN_FLIGHT = 32
_PROBLEMS_SHOWN = 10
_MAX_LIST_BYTES = 1024**3


def named_objects(uri: str) -> Iterator[tuple[Place, "ObjectMeta"]]:
    """Where each object of the list is, and what its store says of it now; in the list's order.

    The list is text, one folder path or `s3://` URI per line; empty lines and lines that begin with
    `#` are left out, and an object that is named twice counts once. Raises BadInput with the first
    ten problems when the list cannot be read or objects cannot be found.
    """
    places = list(dict.fromkeys(_places(uri)))
    if not places:
        raise BadInput([f"--object_list {uri}: found no object; expected one per line"])
    problems: list[str] = []
    with ThreadPoolExecutor(_HEADS_IN_FLIGHT) as pool:
        for place, found in zip(places, pool.map(_head, places), strict=True):
            if isinstance(found, str):
                problems.append(f"--object_list {uri}: {place.uri_of(place.path)}: {found}")
            else:
                yield place, found
    if len(problems) > _PROBLEMS_SHOWN:
        more = len(problems) - _PROBLEMS_SHOWN
        problems[_PROBLEMS_SHOWN:] = [f"--object_list {uri}: and {more:,} more of its objects"]
    if problems:
        raise BadInput(problems)


def _places(uri: str) -> Iterator[Place]:
    place = place_of(uri)
    try:
        found = obstore.get(open_store(place.bucket), place.path)
        if found.meta["size"] > _MAX_LIST_BYTES:
            raise BadInput(
                [f"--object_list {uri}: found {found.meta['size']:,} bytes; expected at most "
                 f"{_MAX_LIST_BYTES:,}; split the list into several runs"]
            )  # fmt: skip
        text = bytes(found.bytes()).decode("utf-8-sig")
    except (BaseError, OSError) as error:
        said = f"--object_list {uri}: found {first_line(error)}"
        raise BadInput([f"{said}; expected a file of URIs; check the path"]) from error
    except UnicodeDecodeError as error:
        raise BadInput(
            [f"--object_list {uri}: found bytes that are not UTF-8; expected a URI per line"]
        ) from error
    for line in text.splitlines():
        if (named := line.strip()) and not named.startswith("#"):
            yield place_of(named)


def _head(place: Place) -> "ObjectMeta | str":
    try:
        return head(place)
    except FileNotFoundError:
        return "found no object there; expected one; correct the list"
    except (BaseError, KeyFailure, OSError) as error:
        found = f"found {first_line(error)}"
        return f"{found}; expected an object that can be read; check the permissions"

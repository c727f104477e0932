"""Objects named one by one in a file, as `--object_list` gives them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError

from jobs.errors import BadInput, ExitCode
from jobs.storage.any_key import KeyFailure, head
from jobs.storage.aws_access import OWN, Access
from jobs.storage.object_store import Place, first_line, place_of
from jobs.storage.whole_objects import StorageFailed, TooLarge, read_bytes

if TYPE_CHECKING:
    from obstore import ObjectMeta

_HEADS_IN_FLIGHT = 32
_PROBLEMS_SHOWN = 10
_MAX_LIST_BYTES = 1024**3


def named_objects(uri: str, access: Access = OWN) -> Iterator[tuple[Place, "ObjectMeta"]]:
    """Where each object of the list is, and what its store says of it now; in the list's order.

    The list is text, one folder path or `s3://` URI per line; empty lines and lines that begin with
    `#` are left out, and an object that is named twice counts once. `access` is for the objects,
    not for the list. Raises BadInput with the first
    ten problems when the list cannot be read or objects cannot be found.
    """
    places = list(dict.fromkeys(_places(uri, access)))
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


def _places(uri: str, access: Access) -> Iterator[Place]:
    try:
        text = read_bytes(uri, _MAX_LIST_BYTES).decode("utf-8-sig")
    except TooLarge as error:
        raise BadInput(
            [f"--object_list {uri}: {error.reason}; split the list into several runs"]
        ) from error
    except StorageFailed as error:
        if error.exit_code == ExitCode.EXPIRED:
            raise
        raise BadInput(
            [f"--object_list {uri}: {error.reason}; expected a file of URIs; check the path"]
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(
            [f"--object_list {uri}: found bytes that are not UTF-8; expected a URI per line"]
        ) from error
    for line in text.splitlines():
        if (named := line.strip()) and not named.startswith("#"):
            yield place_of(named, access)


def _head(place: Place) -> "ObjectMeta | str":
    try:
        return head(place)
    except FileNotFoundError:
        return "found no object there; expected one; correct the list"
    except (BaseError, KeyFailure, OSError) as error:
        found = f"found {first_line(error)}"
        return f"{found}; expected an object that can be read; check the permissions"

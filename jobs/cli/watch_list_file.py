"""The flag of a watch, and its file with instances → their ids and names."""

from collections.abc import Iterator, Sequence

from jobs.cli import argument_values as values
from jobs.cli.flags import Flag, FlagGroup
from jobs.storage.whole_objects import StorageFailed, read_bytes
from transforms.separated import decoded
from transforms.text import quoted

WATCH = FlagGroup(
    "Whom to watch",
    (
        Flag(
            "watch_list",
            "URI",
            "a file with instances, one per line by id or by name in the labels, # for comments: "
            "what is new and suspicious of them is printed as a line of JSON each, told once",
        ),
        Flag(
            "watch_exit",
            "true|false",
            "true: exit code 9 when something new was told, for who runs it from a script; "
            "launchers take it for a failure",
            "false",
        ),
    ),
    "--watch_list s3://my-artifacts/watched.txt --watch_exit true",
)
_MAX_BYTES = 1024 * 1024
# Each is judged on its own, in about a third of a minute.
_MOST = 1_000


def listed_instances(uri: str) -> tuple[str, ...]:
    """One instance per line, by id or name as `--instance_id` takes them; `#` starts a comment.

    Raises ValueError.
    """
    try:
        text = decoded(read_bytes(values.uri(uri), _MAX_BYTES))
    except StorageFailed as error:
        raise ValueError(f"{error.reason}; expected a text file") from None
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    given = ",".join(filter(None, lines))
    if not given:
        raise ValueError("it lists nobody; expected an instance per line, by id or name")
    found = values.instances(given)
    if len(found) > _MOST:
        raise ValueError(f"it lists {len(found):,} instances; expected at most {_MOST:,}")
    return found


def nameless(watched: Sequence[str], labels: str | None) -> Iterator[str]:
    """A problem where a name is listed and no labels could tell whose it is."""
    names = [each for each in watched if not values.is_instance_id(each)]
    if names and labels is None:
        yield (
            f"--watch_list: found {quoted(names[0])}; expected i- and 8 to 17 hex digits, or a "
            "name together with the --labels that know it"
        )

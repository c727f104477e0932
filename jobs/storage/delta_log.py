"""What a Delta table's log says, read as objects: no Spark, so it can be asked before Spark starts.

The format is that of the Delta transaction log protocol: one file of JSON actions per version, and
now and then a checkpoint in Parquet that stands for all versions up to its own.
"""

import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.exceptions import BaseError

from jobs.storage.object_store import Place, open_store, place_of
from jobs.storage.whole_objects import StorageFailed, below, read_bytes

Action = dict[str, dict[str, object]]

# What reading a log may raise that somebody else wrote.
LOG_ERRORS = (
    StorageFailed,
    BaseError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    pa.ArrowException,
)
_COMMIT = re.compile(r"(\d{20})\.json")
_NUMBERED = re.compile(r"(\d{20})\.")
# Parquet has pairs where JSON has objects.
_MAPS = {"metaData": "configuration", "add": "partitionValues"}
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.\d{10}\.\d{10})?\.parquet")


class TableMetadata(NamedTuple):
    """A table as its newest version describes it."""

    schema: str
    partition_columns: tuple[str, ...]
    properties: dict[str, str]
    writer_version: int


class DataFile(NamedTuple):
    """A data file as the log describes it; `path` is relative to the table's folder, as in a URI.

    `partition` has the values of the partition columns, as text; `bounds` are those of the column
    of texts that was asked for.
    """

    path: str
    octets: int
    rows: int
    partition: dict[str, str | None]
    bounds: tuple[str, str] | None = None

    def may_hold(self, values: Iterable[str]) -> bool:
        """Whether one of these may be in the column, by its bounds; unknown ones rule out none."""
        if self.bounds is None:
            return True
        least, most = self.bounds
        return any(least <= value <= most for value in values)

    @property
    def name(self) -> str:
        """Its name, which Delta gives once."""
        return self.path.rsplit("/", 1)[-1]

    def uri_in(self, table_uri: str) -> str:
        """Where it is."""
        return f"{table_uri}/{unquote(self.path)}"


class TableFiles(NamedTuple):
    """The data files that one version of a table is made of, in total."""

    number: int
    octets: int
    rows: int


class DeltaLog:
    """The log of the table at a URI. A folder without a log is a table without versions."""

    def __init__(self, uri: str) -> None:
        table = place_of(uri)
        self._folder = table._replace(path=f"{table.path.rstrip('/')}/_delta_log")
        self._store = open_store(table.bucket)
        self._names = self._list(self._folder)

    @property
    def table(self) -> Place:
        """Where the table is."""
        return self._folder._replace(path=self._folder.path.rsplit("/", 1)[0])

    @property
    def versions(self) -> list[int]:
        """Versions that have a file of their own, in order."""
        found = (_COMMIT.fullmatch(name) for name in self._names)
        return sorted(int(match[1]) for match in found if match)

    @property
    def version(self) -> int | None:
        """The newest version; None where there is no table."""
        return max([*self.versions, *self._checkpoints()], default=None)

    def actions(self, version: int) -> list[Action]:
        """What one version did."""
        text = self._get(f"{version:020}.json").decode()
        return [json.loads(line) for line in text.splitlines() if line.strip()]

    def metadata(self) -> TableMetadata | None:
        """The table's description; None where there is no table."""
        metadata: dict[str, object] | None = None
        protocol: dict[str, object] | None = None
        for action in self._newest_first("metaData", "protocol"):
            metadata = metadata or action.get("metaData")
            protocol = protocol or action.get("protocol")
            if metadata and protocol:
                break
        if metadata is None:
            return None
        partitions, properties = metadata["partitionColumns"], metadata.get("configuration") or {}
        assert isinstance(partitions, list)
        return TableMetadata(
            schema=str(metadata["schemaString"]),
            partition_columns=tuple(partitions),
            properties={str(name): str(value) for name, value in dict(properties).items()},  # type: ignore[call-overload]
            writer_version=int(str((protocol or {}).get("minWriterVersion", 2))),
        )

    def files(self, version: int) -> TableFiles:
        """The number, size and rows of the data files of a version; see `data_files`."""
        found = self.data_files(version)
        return TableFiles(
            len(found), sum(file.octets for file in found), sum(file.rows for file in found)
        )

    def data_files(self, version: int) -> list[DataFile]:
        """The data files of a version that is an overwrite, or follows one that is."""
        found: dict[str, DataFile] = {}
        gone: set[str] = set()
        for number in reversed([v for v in self.versions if v <= version]):
            actions = self.actions(number)
            for add in (action["add"] for action in actions if "add" in action):
                if (path := str(add["path"])) not in gone:
                    found[path] = data_file_of(add)
            gone |= {str(action["remove"]["path"]) for action in actions if "remove" in action}
            if any(_is_overwrite(action) for action in actions):
                break
        return sorted(found.values())

    def current_files(self, bounded: str | None = None) -> list[DataFile]:
        """The data files of the newest version, whichever version added them; none where there is
        no table. Raises ValueError where a commit is missing.
        """
        if (missing := self.missing_commit()) is not None:
            raise ValueError(f"found no commit {missing} in the log of {self.table.path}")
        found: dict[str, DataFile] = {}
        gone: set[str] = set()
        for action in self._newest_first("add", "remove"):
            if (add := action.get("add")) and (path := str(add["path"])) not in gone:
                found.setdefault(path, data_file_of(add, bounded))
            if (remove := action.get("remove")) and str(remove["path"]) not in found:
                gone.add(str(remove["path"]))
        return sorted(found.values())

    def missing_commit(self) -> int | None:
        """The first version that neither a checkpoint nor a commit stands for, if there is one."""
        here = set(self.versions)
        first = max(self._checkpoints(), default=-1) + 1
        return next((v for v in range(first, max(here, default=-1)) if v not in here), None)

    def log_files(self, version: int) -> list[str]:
        """The names of the log's files that a reader of this version may use.

        Those are the last checkpoint up to the version and every numbered file from there on, and
        the commits back to the last overwrite, which `data_files` reads.
        """
        first = max((v for v in self._checkpoints() if v <= version), default=0)
        for number in reversed([v for v in self.versions if v <= version]):
            if any(_is_overwrite(action) for action in self.actions(number)):
                first = min(first, number)
                break
        numbers = {name: int(match[1]) for name in self._names if (match := _NUMBERED.match(name))}
        return sorted(name for name, number in numbers.items() if first <= number <= version)

    def written_by(self, version: int) -> dict[str, object]:
        """Who wrote a version, when and how, by the writer's own account."""
        return next((a["commitInfo"] for a in self.actions(version) if "commitInfo" in a), {})

    def _newest_first(self, *kinds: str) -> Iterator[Action]:
        """Actions of these kinds, back to the newest checkpoint."""
        checkpoints = self._checkpoints()
        newest = max(checkpoints, default=-1)
        for version in reversed([v for v in self.versions if v > newest]):
            yield from reversed(self.actions(version))
        for name in checkpoints.get(newest, []):
            table = pq.read_table(io.BytesIO(self._get(name)), columns=[*kinds])
            for row in table.to_pylist():
                for kind, map_ in _MAPS.items():
                    if row.get(kind):
                        row[kind][map_] = dict(row[kind][map_] or [])
                yield {kind: value for kind, value in row.items() if value}

    def _checkpoints(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for name in self._names:
            if match := _CHECKPOINT.fullmatch(name):
                found.setdefault(int(match[1]), []).append(name)
        return found

    def _list(self, folder: Place) -> list[str]:
        try:
            found = obstore.list_with_delimiter(self._store, prefix=folder.path)
        except FileNotFoundError:
            return []
        return [meta["path"].rsplit("/", 1)[-1] for meta in found["objects"]]

    def _get(self, name: str) -> bytes:
        return read_bytes(below(self._folder, name))


def data_file_of(add: dict[str, object], bounded: str | None = None) -> DataFile:
    """The file that an action `add` adds, with the bounds of a column of texts."""
    found = add.get("partitionValues")
    partition = found if isinstance(found, dict) else {}
    told = json.loads(str(add.get("stats") or "{}"))
    least, most = (told.get(name, {}).get(bounded) for name in ("minValues", "maxValues"))
    bounds = (least, most) if isinstance(least, str) and isinstance(most, str) else None
    return DataFile(
        str(add["path"]), int(str(add["size"])), int(told.get("numRecords", 0)), partition, bounds
    )


def parquet_of(data: bytes) -> pq.ParquetFile:
    """A data file that Spark wrote. Its times are INT96, of which pyarrow makes nanoseconds."""
    return pq.ParquetFile(io.BytesIO(data), coerce_int96_timestamp_unit="us")


def _is_overwrite(action: Action) -> bool:
    parameters = action.get("commitInfo", {}).get("operationParameters")
    return isinstance(parameters, dict) and parameters.get("mode") == "Overwrite"

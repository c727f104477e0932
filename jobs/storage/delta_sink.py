"""Delta, the evidence: the tables of a case, each overwritten whole by a run."""

import logging
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import obstore
from obstore.exceptions import BaseError
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql.types import StructType

from jobs.errors import BadInput
from jobs.storage.delta_commit import NewFile, commit_files
from jobs.storage.delta_log import LOG_ERRORS, DeltaLog
from jobs.storage.object_store import first_line, open_store, place_of, stop_if_expired
from jobs.storage.whole_objects import reason_of
from transforms import schemas
from transforms.standing.path import PATH
from transforms.table_shape import columns_of_ddl, columns_of_delta, conflicts
from transforms.vocabulary import FURTHER_READINGS

logger = logging.getLogger(__name__)

SHAPES = {
    "flows": schemas.FLOWS,
    "transit": schemas.TRANSIT,
    "objects": schemas.OBJECTS,
    "quarantine": schemas.QUARANTINE,
    "coverage": schemas.COVERAGE,
    "conversations": schemas.CONVERSATIONS,
    "peers": schemas.PEERS,
    "path": PATH,
    "answers": schemas.ANSWERS,
    **{
        f"{reading.folder}/{name}": shape
        for reading in FURTHER_READINGS
        for name, shape in (
            ("flows", schemas.FLOWS),
            ("objects", schemas.OBJECTS),
            ("quarantine", schemas.QUARANTINE),
        )
    },
}
# What later queries filter by; statistics of all columns cost 48 s against 28 s for 4 M rows.
_STATISTICS = {
    "flows": "start_at,end_at,interface_id,srcaddr,dstaddr,dstport,action",
    "transit": "start_at,srcaddr,dstaddr,dstport",
    "objects": "uri,outcome",
    "quarantine": "object_uri,stage",
    "coverage": "interface_id,slot_at,status",
    "conversations": "first_at,peer,service_port,outcome",
    "peers": "peer,service_port,outcome,standing",
    "path": "hop,to_address",
    "answers": "question",
}
# Delta's defaults delete logs after 30 days and replaced files after 7; a case is needed for years.
_RETENTION = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
}
# Rows that make a file of some 10 to 100 MB: worth opening, and still read by several cores.
ROWS_A_FILE = 500_000
# Below this many files, or above this size of the average one, rewriting costs more than it saves.
_MANY_FILES = 32
_SMALL_FILE = 16 * 1024 * 1024
_WRITER_VERSION = 7


def name_commits(spark: SparkSession, run_id: str) -> None:
    """Have every write of this session make a version that says which run made it.

    Without the second setting an empty table that is overwritten by an empty one gets no version.
    Nothing reads the checksum file of a version, which takes two queries and half of the time that
    a small table takes: the manifest has the digests.
    """
    spark.conf.set("spark.databricks.delta.commitInfo.userMetadata", run_id)
    spark.conf.set("spark.databricks.delta.skipRecordingEmptyCommits", "false")
    spark.conf.set("spark.databricks.delta.writeChecksumFile.enabled", "false")
    spark.conf.set("spark.databricks.delta.allFilesInCrc.enabled", "false")


def write_table(frame: DataFrame, uri: str, schema: str) -> None:
    """Replace a table by a frame of this schema, atomically; Delta keeps what was before.

    `check_tables` has made sure that the schema loses nothing of what is there.
    """
    properties = _properties(uri)
    writer = (
        shaped(frame, schema)
        .write.format("delta")
        .mode("overwrite")
        .option("overwriteSchema", "true")
    )
    before = DeltaLog(uri).metadata()
    if before is None:
        writer.options(**properties).save(uri)
        return
    writer.save(uri)
    changed = {
        name: value for name, value in properties.items() if before.properties.get(name) != value
    }
    if changed:
        text = ", ".join(f"'{name}' = '{value}'" for name, value in changed.items())
        frame.sparkSession.sql(f"ALTER TABLE {table_name(uri)} SET TBLPROPERTIES ({text})")


def write_files(spark: SparkSession, uri: str, schema: str, files: Sequence[NewFile]) -> None:
    """Replace a table by the rows of files that executors wrote below it, which have its shape.

    Two versions: none of the old rows, then the new ones.
    """
    write_table(spark.createDataFrame([], schema), uri, schema)
    if files:
        commit_files(spark, uri, files)


def append_rows(frame: DataFrame, uri: str, schema: str) -> None:
    """Add rows of this schema to a table that this run wrote."""
    shaped(frame, schema).write.format("delta").mode("append").save(uri)


def delete_rows(spark: SparkSession, uri: str, which: Column) -> None:
    """Remove rows from a table that this run wrote."""
    delta_table(spark, uri).delete(which._jc)


def delta_table(spark: SparkSession, uri: str) -> Any:
    """Delta's own handle of a table, in the JVM."""
    tables = spark.sparkContext._jvm.io.delta.tables.DeltaTable  # type: ignore[union-attr]
    return tables.forPath(spark._jsparkSession, uri)


def in_few_files(frame: DataFrame, rows: int) -> DataFrame:
    """The same rows in as many partitions as make files of a good size.

    Fewer partitions are fewer tasks: only for frames whose source is cached or cheap.
    """
    return frame.coalesce(max(1, -(-rows // ROWS_A_FILE)))


def compact(spark: SparkSession, uri: str) -> None:
    """Rewrite a table whose newest version is made of many small files; else leave it alone."""
    log = DeltaLog(uri)
    files = log.files(log.versions[-1])
    if files.number >= _MANY_FILES and files.octets < files.number * _SMALL_FILE:
        logger.info("compact table=%s files=%d bytes=%d", uri, files.number, files.octets)
        delta_table(spark, uri).optimize().executeCompaction()


def table_name(uri: str) -> str:
    """SQL text for the table at a place, whatever its folders are called."""
    doubled = uri.replace("`", "``")
    return f"delta.`{doubled}`"


def _properties(uri: str) -> dict[str, str]:
    return {**_RETENTION, "delta.dataSkippingStatsColumns": ",".join(statistics_of(uri))}


def statistics_of(uri: str) -> tuple[str, ...]:
    """The columns of a table of a case whose bounds the log has for each data file."""
    return tuple(_STATISTICS[uri.rsplit("/", 1)[-1]].split(","))


def shaped(frame: DataFrame, schema: str) -> DataFrame:
    """Exactly the columns of the schema, in its order and with its comments."""
    return frame.to(_shape_of(schema))


@cache
def _shape_of(schema: str) -> StructType:
    """The schema that a text describes."""
    return SparkSession.active().createDataFrame([], schema).schema


def check_tables(case_uri: str) -> None:
    """Raise BadInput when a table of the case is not what an earlier run of this job left.

    Columns that are missing come with the next write; anything else was another tool's, and
    overwriting it would lose what that tool stored.
    """
    problems = []
    for name, schema in SHAPES.items():
        uri = f"{case_uri}/{name}"
        if found := found_instead(uri, schema):
            problems.append(
                f"table {uri}: existing {found}; expected what an earlier run of this job wrote; "
                "move the table away or choose another --case_id"
            )
    if problems:
        raise BadInput(problems)


def found_instead(uri: str, schema: str, partitioned_by: tuple[str, ...] = ()) -> str:
    """How the table there differs from what this job would write; empty where it does not, or where
    there is none.
    """
    try:
        found = _foreign_traits(uri, schema, partitioned_by)
    except LOG_ERRORS as error:
        found = [f"a log that cannot be read ({reason_of(error)})"]
    return "; ".join(found[:5]) + (f"; {len(found) - 5} more" if len(found) > 5 else "")


def _foreign_traits(uri: str, schema: str, partitioned_by: tuple[str, ...]) -> list[str]:
    existing = DeltaLog(uri).metadata()
    if existing is None:
        return []
    found = conflicts(columns_of_delta(existing.schema), columns_of_ddl(schema))
    if existing.partition_columns != partitioned_by:
        have, incoming = (
            ", ".join(columns) or "none" for columns in (existing.partition_columns, partitioned_by)
        )
        found.append(f"partitions by {have}, incoming {incoming}")
    if existing.properties.get("delta.appendOnly") == "true":
        found.append("delta.appendOnly=true, incoming an overwrite")
    if existing.writer_version > _WRITER_VERSION:
        found.append(
            f"writer version {existing.writer_version}, incoming {_WRITER_VERSION} at most"
        )
    return found


def remove_leftovers(case_uri: str) -> int:
    """Delete the data files that a killed run wrote and never committed; how many there were.

    Only for the run that holds the case's lock. A table whose log does not reach back to version
    0 is left alone: what its forgotten versions were made of cannot be known.
    """
    removed = 0
    for name in SHAPES:
        log = DeltaLog(f"{case_uri}/{name}")
        versions = log.versions
        if versions != list(range(len(versions))):
            continue
        known = {
            str(action["add"]["path"])
            for version in versions
            for action in log.actions(version)
            if "add" in action
        }
        store = open_store(log.table.bucket)
        try:
            found = obstore.list_with_delimiter(store, prefix=log.table.path)["objects"]
        except FileNotFoundError:
            continue
        for path in (meta["path"] for meta in found):
            file = path.rsplit("/", 1)[-1]
            # Delta's own names only: whatever else lies there is not this job's to delete.
            if file.startswith("part-") and file.endswith(".parquet") and file not in known:
                obstore.delete(store, path)
                removed += 1
    if removed:
        logger.info("leftovers of a killed run removed files=%d", removed)
    return removed


def check_writable(output: str, flag: str = "--output") -> None:
    """Raise BadInput when tables could not be written below what the flag says; leaves nothing
    behind.

    Raises CredentialsExpired where S3 says so.
    """
    place = place_of(output)
    if place.bucket is None:
        _check_folder(f"/{place.path}", f"{flag} {output}")
        return
    probe = f"{place.path.rstrip('/')}/.write-check".lstrip("/")
    try:
        store = open_store(place.bucket)
        obstore.put(store, probe, b"")
        obstore.delete(store, probe)
    except (BaseError, PermissionError) as error:
        stop_if_expired(str(error))
        raise BadInput([_not_writable(f"{flag} {output}", first_line(error))]) from error


def _check_folder(path: str, given: str) -> None:
    existing = path
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise BadInput([_not_writable(given, f"{existing} is a file")])
    if not os.access(existing, os.W_OK | os.X_OK):
        raise BadInput([_not_writable(given, f"there is no permission to write in {existing}")])


def _not_writable(given: str, why: str) -> str:
    return f"{given}: found that {why}; expected a folder to write to; choose another"

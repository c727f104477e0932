"""Data files that executors wrote themselves, as a version of a Delta table.

Delta makes the version: it knows the protocol, takes each version once, and works on every store.
Only the files come past Spark's own writer, which makes rows of columns and columns of rows.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from jobs.storage.delta_log import Action, DataFile


class NewFile(NamedTuple):
    """A data file that lies below a table and is in no version yet.

    `path` is relative to the table's folder, as in a URI; `statistics` is JSON, as Delta has it.
    """

    path: str
    octets: int
    partition: dict[str, str | None]
    statistics: str


class Numbered(NamedTuple):
    """A commit of an application that numbers its commits: a table takes each number once."""

    application: str
    number: int


class NumberTaken(Exception):
    """The table has a commit of the application with this number, or a later one."""


def commit_files(
    spark: SparkSession,
    uri: str,
    added: Iterable[NewFile],
    removed: Iterable[DataFile] = (),
    *,
    is_new_data: bool = True,
    numbered: Numbered | None = None,
) -> int:
    """Make a version that adds some files and removes others, all at once; returns its number.

    The rows of the files must have the shape of the table. Raises NumberTaken; Delta raises where
    another writer was in the way.
    """
    jvm: Any = spark.sparkContext._jvm
    delta = jvm.org.apache.spark.sql.delta
    transaction = delta.DeltaLog.forTable(spark._jsparkSession, uri).startTransaction()
    actions = jvm.java.util.ArrayList()
    if numbered is not None:
        # Asked of the transaction, so that two commits at once are in each other's way.
        if transaction.txnVersion(numbered.application) >= numbered.number:
            raise NumberTaken(f"{uri}: {numbered.application} {numbered.number}")
        taken = {"appId": numbered.application, "version": numbered.number}
        actions.add(delta.actions.Action.fromJson(json.dumps({"txn": taken})))
    for action in _actions(added, removed, is_new_data):
        actions.add(delta.actions.Action.fromJson(json.dumps(action)))
    of_list = jvm.scala.collection.JavaConverters.asScalaBufferConverter(actions)
    operation = getattr(getattr(delta, "DeltaOperations$ManualUpdate$"), "MODULE$")
    return int(transaction.commit(of_list.asScala().toSeq(), operation))


def _actions(
    added: Iterable[NewFile], removed: Iterable[DataFile], is_new_data: bool
) -> Iterator[Action]:
    """As the Delta transaction log protocol has them."""
    now = int(time.time() * 1000)
    for file in added:
        yield {
            "add": {
                "path": file.path,
                "partitionValues": file.partition,
                "size": file.octets,
                "modificationTime": now,
                "dataChange": is_new_data,
                "stats": file.statistics,
            }
        }
    for gone in removed:
        yield {
            "remove": {
                "path": gone.path,
                "deletionTimestamp": now,
                "dataChange": is_new_data,
                "extendedFileMetadata": True,
                "partitionValues": gone.partition,
                "size": gone.octets,
            }
        }

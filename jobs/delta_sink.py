"""Delta, the evidence: the tables of a case, each overwritten whole by a run."""

import os

import obstore
from obstore.exceptions import BaseError
from pyspark.sql import DataFrame, SparkSession

from jobs.arguments import BadInput
from jobs.flow_log_objects import first_line
from jobs.object_store import open_store, place_of

# What later queries filter by; statistics of all columns cost 48 s against 28 s for 4 M rows.
_STATISTICS = {
    "flows": "start_at,end_at,interface_id,srcaddr,dstaddr,dstport,action",
    "objects": "uri,outcome",
    "quarantine": "object_uri,stage",
}


def write_table(frame: DataFrame, uri: str, schema: str) -> None:
    """Replace a table by a frame of this schema, atomically; Delta keeps what was before."""
    name = uri.rsplit("/", 1)[-1]
    (
        _conform(frame, schema)
        .write.format("delta")
        .mode("overwrite")
        .option("overwriteSchema", "true")
        .option("delta.dataSkippingStatsColumns", _STATISTICS[name])
        .save(uri)
    )


def append_rows(frame: DataFrame, uri: str, schema: str) -> None:
    """Add rows of this schema to a table that this run wrote."""
    _conform(frame, schema).write.format("delta").mode("append").save(uri)


def read_table(spark: SparkSession, uri: str) -> DataFrame:
    """A table as it is now."""
    return spark.read.format("delta").load(uri)


def _conform(frame: DataFrame, schema: str) -> DataFrame:
    """Exactly the columns of the schema, in its order and with its comments."""
    shape = frame.sparkSession.createDataFrame([], schema).schema
    typed = frame.select(*shape.fieldNames())
    return typed.select(
        *(typed[field.name].alias(field.name, metadata=field.metadata) for field in shape)
    )


def check_writable(output: str) -> None:
    """Raise BadInput when tables could not be written below `output`; leaves nothing behind."""
    place = place_of(output)
    if place.bucket is None:
        _check_folder(f"/{place.path}", output)
        return
    probe = f"{place.path.rstrip('/')}/.write-check".lstrip("/")
    try:
        store = open_store(place.bucket)
        obstore.put(store, probe, b"")
        obstore.delete(store, probe)
    except (BaseError, PermissionError) as error:
        raise BadInput([_not_writable(output, first_line(error))]) from error


def _check_folder(path: str, output: str) -> None:
    existing = path
    while not os.path.lexists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        raise BadInput([_not_writable(output, f"{existing} is a file")])
    if not os.access(existing, os.W_OK | os.X_OK):
        raise BadInput([_not_writable(output, f"no permission to write in {existing}")])


def _not_writable(output: str, why: str) -> str:
    return f"--output {output}: found that {why}; expected a folder to write to; choose another"

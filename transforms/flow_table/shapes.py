"""The tables of a flow table, which is filled once and read by every case.

Rows count when their `run_id` is in the table `runs`: a run that was killed has no row there.
`day` is that of the object (see `day_of`), so that all rows of an object are in one partition.
"""

from datetime import date

from transforms.scan.object_key import parse_key
from transforms.schemas import LABELS, OBJECTS, RECORD

_DAY = "day DATE COMMENT 'UTC: the slot in the name of the object, else its last change'"
_SOURCE = """
    object_uri     STRING COMMENT 'object that holds the line',
    object_version STRING COMMENT 'version id, else etag',
    object_line    BIGINT COMMENT 'first line is 1'
"""

# What follows from other columns is not stored: record_id alone would take as much as all the rest.
IN_DATA_FILES = f"""
{RECORD},
    {LABELS.strip()},
    {_SOURCE.strip()},
    run_id         STRING COMMENT 'run that wrote this row'
"""
STORED_FLOWS = f"""
{IN_DATA_FILES.strip()},
    {_DAY}
"""

STORED_TRANSIT = f"""
    {_SOURCE.strip()},
    transit        MAP<STRING,STRING> COMMENT 'a record of a transit gateway, by field',
    run_id         STRING COMMENT 'run that wrote this row',
    {_DAY}
"""

STORED_REFUSED = f"""
    {_SOURCE.strip()},
    text           STRING COMMENT 'the line, capped',
    reason         STRING COMMENT 'why it is refused, as a sentence',
    is_unsearched  BOOLEAN COMMENT 'refused before anything was looked for in it',
    run_id         STRING COMMENT 'run that wrote this row',
    {_DAY}
"""

STORED_OBJECTS = f"""
    {OBJECTS.strip()},
    {_DAY}
"""

# Which data files of `flows` are in `addresses` with everything that they hold.
STORED_FILES = f"""
    file           STRING COMMENT 'name of a data file of flows, without its folder',
    octets         BIGINT COMMENT 'its size',
    flows          BIGINT COMMENT 'rows in it, by its own footer',
    run_id         STRING COMMENT 'run that wrote this row',
    {_DAY}
"""

STORED_ADDRESSES = f"""
    address        STRING COMMENT 'an address, an interface or an instance of a flow in the file',
    file           STRING COMMENT 'name of a data file of flows, without its folder',
    run_id         STRING COMMENT 'run that wrote this row',
    {_DAY}
"""

RUNS = """
    run_id         STRING COMMENT 'a run that is complete',
    number         BIGINT COMMENT 'the first run is 1',
    began_at       TIMESTAMP COMMENT 'UTC',
    objects        BIGINT COMMENT 'objects that it added',
    flows          BIGINT COMMENT 'flow records that it added',
    manifest_sha256 STRING COMMENT 'hex, of manifests/<run_id>.json'
"""

# Beside the rows of runs: no run deletes anything from it, and it outlives their days.
PUBLISHED = """
    node           STRING COMMENT 'host, port and path of an OpenSearch',
    prefix         STRING COMMENT 'what the names of its indices begin with',
    run_id         STRING COMMENT 'a complete run whose flows are all there',
    documents      BIGINT COMMENT 'flows of the run that it has',
    refused        BIGINT COMMENT 'flows of the run that it refused',
    published_at   TIMESTAMP COMMENT 'UTC'
"""

SHAPES = {
    "flows": STORED_FLOWS,
    "transit": STORED_TRANSIT,
    "refused": STORED_REFUSED,
    "objects": STORED_OBJECTS,
    "files": STORED_FILES,
    "addresses": STORED_ADDRESSES,
    "runs": RUNS,
}

_OCTETS_A_LINE = 15  # compressed
_FILES_A_RUN, _FEWEST_ROWS, _MOST_ROWS = 400, 4_000, 500_000


def rows_a_file(octets: int) -> int:
    """How many rows a data file may have, in a run over so many octets of compressed text.

    A case opens whole files: many small ones hold little else than it looks for, few large ones are
    sooner listed.
    """
    return rows_of_file(octets // _OCTETS_A_LINE)


def rows_of_file(rows: int) -> int:
    """The same by the rows that are written together, at least one."""
    return min(max(rows // _FILES_A_RUN, _FEWEST_ROWS), _MOST_ROWS)


# What the log says of each data file of `flows`.
STATISTICS = ("run_id", "start", "interface_id", "srcaddr", "dstaddr")
# By these a flow is found: where a subject may stand.
SUBJECT_COLUMNS = (
    "srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr", "interface_id", "instance_id",
)  # fmt: skip


def day_of(path: str, last_modified: date) -> date:
    """The day that the rows of an object lie under; the same whenever the object is listed."""
    key = parse_key(path)
    return key.slot_at.date() if key else last_modified

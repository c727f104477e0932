"""Where a reading gets its rows: from the text of the objects, or what a flow table has of them."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession

from jobs.flow_table.stored_scan import StoredPart, day_of_object, stored_part, stored_scan
from jobs.flow_table.tables import FlowTable, day_in
from jobs.sources.listing import FlowLogObject
from jobs.sources.object_scan import ScanSettings, scan_objects
from jobs.spark.frames import release
from transforms.subject.identity import Subject

logger = logging.getLogger(__name__)


_NEXT_TO_NOTHING = 32  # one object of so many


class FromTable(NamedTuple):
    """What a flow table gave to a reading, as its books have it."""

    objects_from_table: int = 0
    octets_of_table: int = 0
    octets_not_read: int = 0


NOTHING = FromTable()


class Scanned(NamedTuple):
    """Rows of `SCANNED`, in memory, and what of them a flow table gave."""

    frame: DataFrame
    stored: FromTable
    held: tuple[DataFrame, ...]

    def release(self) -> None:
        """Give back what is kept in memory."""
        release(self.held)


class Source:
    """The objects of a reading: those that the flow table has, and those to read as text."""

    def __init__(
        self, spark: SparkSession, objects: Sequence[FlowLogObject], part: StoredPart | None
    ) -> None:
        self._spark, self._part = spark, part
        uris = part.uris if part else frozenset()
        self._unread = [item for item in objects if item.uri not in uris]
        self._octets = sum(item.size for item in objects if item.uri in uris)
        self.held = (part.objects,) if part else ()

    def scan(self, subject: Subject, settings: ScanSettings) -> Scanned:
        """Every row that concerns the subject, in memory once it has been evaluated."""
        if self._part is None:
            frame = scan_objects(self._spark, self._unread, settings).persist()
            return Scanned(frame, NOTHING, (frame,))
        found = stored_scan(self._spark, self._part, subject, settings.window)
        rows = found.rows
        if self._unread:
            rows = rows.unionByName(scan_objects(self._spark, self._unread, settings))
        frame = rows.persist()
        stored = FromTable(len(self._part.uris), found.octets, self._octets)
        return Scanned(frame, stored, (frame, *found.held))


def source_of(
    spark: SparkSession, flow_table: str | None, objects: Sequence[FlowLogObject], *, has_text: bool
) -> Source:
    """The source of these objects; without a flow table all of them are read as text.

    `has_text`: they are listed where they lie, and not by the table.
    """
    if flow_table is None:
        return Source(spark, objects, None)
    table = FlowTable(flow_table)
    as_text = _sooner_as_text(table, objects) if has_text else frozenset()
    part = stored_part(spark, table, [item for item in objects if item.uri not in as_text])
    if not part.uris and not as_text:
        logger.warning("flow table %s: no complete run has read these objects", flow_table)
    return Source(spark, objects, part if part.uris else None)


def _sooner_as_text(table: FlowTable, objects: Sequence[FlowLogObject]) -> frozenset[str]:
    """Objects of days of which the case wants next to nothing, as the hour before its window.

    For them the table would open its index and files of the whole day.
    """
    stored = Counter[date]()
    for file in table.files("objects"):
        stored[day_in(file)] += file.rows
    wanted = Counter(map(day_of_object, objects))
    return frozenset(
        item.uri
        for item in objects
        if item.archived is None
        and wanted[day_of_object(item)] * _NEXT_TO_NOTHING <= stored[day_of_object(item)]
    )

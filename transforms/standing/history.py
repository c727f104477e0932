"""How many hours of records there are of an interface before a moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_SLOT_S, _HOUR_S = 300, 3_600


def recorded_by_hour(flows: DataFrame, aggregation_s: int) -> DataFrame:
    """One row per interface of the subject and hour: `seconds` that a record or NODATA touches.

    Counted in slots of five minutes, or of one aggregation interval where that is longer. SKIPDATA
    is no record of anything.
    """
    width = max(_SLOT_S, aggregation_s)
    return (
        flows.where("role = 'own_interface' AND coalesce(log_status, 'OK') <> 'SKIPDATA'")
        .where("start IS NOT NULL")
        .groupBy("interface_id", F.expr(f"start DIV {_HOUR_S} * {_HOUR_S}").alias("hour_s"))
        .agg((F.expr(f"count(DISTINCT start DIV {width})") * F.lit(width)).alias("seconds"))
    )


class History:
    """Seconds with records, by interface and hour, from rows of `recorded_by_hour`."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._seconds: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for row in rows:
            hours = self._seconds[row["interface_id"]]
            hours[row["hour_s"]] = max(hours.get(row["hour_s"], 0), min(row["seconds"], _HOUR_S))

    @property
    def interfaces(self) -> frozenset[str]:
        """The interfaces with a record."""
        return frozenset(self._seconds)

    def hours_before(self, interfaces: Collection[str], moment_s: int) -> float:
        """Hours with records before a moment; of several interfaces the least seen counts."""
        logged = [self._seconds[each] for each in interfaces if each in self._seconds]
        seen = [
            sum(min(seconds, max(0, moment_s - hour)) for hour, seconds in hours.items())
            for hours in logged
        ]
        return min(seen, default=0) / _HOUR_S

    def together(self, other: "History") -> "History":
        """Both."""
        rows = [
            {"interface_id": interface, "hour_s": hour, "seconds": seconds}
            for each in (self, other)
            for interface, hours in each._seconds.items()
            for hour, seconds in hours.items()
        ]
        return History(rows)

"""The books: counts taken from what was written, and the identities between them."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from transforms.coverage.facts import HOLDS_RECORDS


class Identity(NamedTuple):
    """Two counts of the same thing that were taken in different places."""

    what: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether the difference is exactly zero."""
        return self.left == self.right


@dataclass(frozen=True)
class Books:
    """Counts of one run. Each comes from a table, the listing or the index, as its comment says."""

    listed: int  # the listing
    listed_skipped: int  # the listing
    objects_skipped: int  # rows of `objects`
    objects_read: int
    objects_empty: int
    objects_refused: int
    objects_other_kind: int
    objects_unreadable: int  # their store did not give them
    bytes_read: int  # sums over `objects`
    bytes_inflated: int
    lines: int
    header_lines: int
    blank_lines: int
    set_aside_lines: int
    parsed_lines: int
    refused_lines: int
    nodata_lines: int
    skipdata_lines: int
    in_window_lines: int
    out_of_window_lines: int
    unbalanced_objects: int  # rows of `objects` whose own lines do not add up
    quarantined_objects: int  # rows of `quarantine`
    quarantined_lines: int
    quarantined_documents: int
    subject: int  # rows after scoping, before writing
    others: int
    flows: int  # rows of `flows`
    flows_nodata: int
    flows_skipdata: int
    documents: int | None  # the index; None when there is none
    objects_copied: int = 0  # rows of `objects` that hold the bytes of another one
    objects_transit: int = 0  # rows of `objects` that hold records of transit gateways
    transit_kept: int = 0  # such records of the subject, before writing
    transit: int = 0  # rows of `transit`
    objects_from_table: int = 0  # of the objects read, those that a flow table had already
    octets_of_table: int = 0  # of its index and data files that were read for them
    octets_not_read: int = 0  # as listed: what these objects take as text

    def identities(self) -> tuple[Identity, ...]:
        """What must be equal; each difference must be exactly zero."""
        selected = self.listed - self.listed_skipped
        lines_by_fate = (
            self.header_lines
            + self.blank_lines
            + self.set_aside_lines
            + self.parsed_lines
            + self.refused_lines
        )
        by_outcome = (
            self.objects_read
            + self.objects_transit
            + self.objects_empty
            + self.objects_refused
            + self.objects_unreadable
            + self.objects_other_kind
        )
        identities = [
            Identity("objects listed = selected + skipped", self.listed,
                     by_outcome + self.objects_skipped),
            Identity("objects selected = read + empty + refused + unreadable + other kind",
                     selected, by_outcome),
            Identity("refused objects = objects in quarantine", self.objects_refused,
                     self.quarantined_objects),
            Identity("lines = header + blank + set aside + parsed + refused", self.lines,
                     lines_by_fate),
            Identity("objects whose own lines do not add up", self.unbalanced_objects, 0),
            Identity("refused lines = lines in quarantine", self.refused_lines,
                     self.quarantined_lines),
            Identity("parsed = in window + out of window", self.parsed_lines,
                     self.in_window_lines + self.out_of_window_lines),
            self._by_subject(),
            Identity("subject = flows in Delta", self.subject, self.flows),
        ]  # fmt: skip
        if self.objects_transit:
            identities.append(
                Identity("of transit gateways = rows of transit in Delta", self.transit_kept,
                         self.transit)
            )  # fmt: skip
        if self.documents is not None:
            identities.append(
                Identity("flows in Delta = documents + refused documents", self.flows,
                         self.documents + self.quarantined_documents)
            )  # fmt: skip
        return tuple(identities)

    def _by_subject(self) -> Identity:
        """Where nothing is of a transit gateway, the books do not speak of any."""
        scoped = self.subject + self.others + self.transit_kept
        gateways = " + of transit gateways" if self.objects_transit else ""
        return Identity(f"in window = subject + others{gateways}", self.in_window_lines, scoped)

    @property
    def balanced(self) -> bool:
        """Whether every identity holds."""
        return all(identity.holds for identity in self.identities())

    @property
    def refusals(self) -> int:
        """Everything in quarantine."""
        return self.quarantined_objects + self.quarantined_lines + self.quarantined_documents


class SomeBooks(Protocol):
    """A dataclass of counts with identities: those of a case's reading, or of an ingest."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def identities(self) -> tuple[Identity, ...]:
        """What must be equal."""


def described(books: SomeBooks) -> dict[str, object]:
    """Counts and identities, as a manifest has them."""
    return {
        "books": asdict(books),
        "identities": [
            {**identity._asdict(), "holds": identity.holds} for identity in books.identities()
        ],
    }


_OUTCOMES = ("skipped", "read", "transit", "empty", "refused", "unreadable", "other_kind")
_SUMS = (
    "bytes_read bytes_inflated lines header_lines blank_lines set_aside_lines parsed_lines "
    "refused_lines nodata_lines skipdata_lines in_window_lines out_of_window_lines"
).split()


def count_objects(objects: DataFrame) -> dict[str, int]:
    """Counts over the table `objects`, in one pass."""
    fates = "header_lines + blank_lines + set_aside_lines + parsed_lines + refused_lines"
    counts = objects.agg(
        *(
            F.count_if(F.col("outcome") == outcome).alias(f"objects_{outcome}")
            for outcome in _OUTCOMES
        ),
        *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in _SUMS),
        F.count_if(F.expr(f"lines <> {fates}")).alias("unbalanced_objects"),
        F.expr(
            f"count_if({HOLDS_RECORDS}) - count(DISTINCT IF({HOLDS_RECORDS}, sha256, NULL))"
        ).alias("objects_copied"),
    ).first()
    return counts.asDict() if counts else {}


def count_quarantine(quarantine: DataFrame) -> dict[str, int]:
    """Counts over the table `quarantine`, in one pass."""
    counts = quarantine.agg(
        *(
            F.count_if(F.col("stage") == stage).alias(f"quarantined_{stage}s")
            for stage in ("object", "line", "document")
        )
    ).first()
    return counts.asDict() if counts else {}


def count_flows(flows: DataFrame) -> dict[str, int]:
    """Counts over the table `flows`, in one pass."""
    counts = flows.agg(
        F.count("*").alias("flows"),
        F.count_if(F.col("log_status") == "NODATA").alias("flows_nodata"),
        F.count_if(F.col("log_status") == "SKIPDATA").alias("flows_skipdata"),
    ).first()
    return counts.asDict() if counts else {}


def count_scope(records: DataFrame) -> dict[str, int]:
    """How many flows are the subject's, and how many others only looked like it."""
    is_kept = F.col("is_kept")
    counts = records.agg(
        F.count_if(is_kept).alias("subject"), F.count_if(~is_kept).alias("others")
    ).first()
    return counts.asDict() if counts else {}


def count_transit(transit: DataFrame) -> dict[str, int]:
    """Counts over the table `transit`."""
    return {"transit": transit.count()}


def count_passing(records: DataFrame) -> dict[str, int]:
    """How many records of transit gateways are the subject's, and how many are not."""
    counts = records.agg(
        F.count_if("is_kept").alias("transit_kept"), F.count_if(~F.col("is_kept")).alias("others")
    ).first()
    return counts.asDict() if counts else {}


def count_in_window(scanned: DataFrame) -> dict[str, int]:
    """The same where every flow is kept: what the scanner counted in the objects that it read.

    The flows themselves are labelled while they are written: to keep them in memory for a count
    before that takes as long as all their labels.
    """
    counts = (
        scanned.where("account.outcome = 'read'")
        .agg(
            F.coalesce(F.sum("account.in_window_lines"), F.lit(0)).alias("subject"),
            F.lit(0).alias("others"),
        )
        .first()
    )
    return counts.asDict() if counts else {}

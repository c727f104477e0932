"""The books of one ingest, and the identities between them."""

from dataclasses import dataclass

from jobs.pipeline.books import Identity


@dataclass(frozen=True, kw_only=True)
class IngestBooks:
    """Counts of one run. Each comes from the listing or from a table, as its comment says."""

    listed: int  # the listing
    skipped: int  # the listing: outside its time, or no flow log by its name
    stored_before: int  # rows of `objects` of earlier runs
    objects: int = 0  # rows of `objects` of this run
    unreadable: int = 0  # of them: their store did not give them; tried again by the next run
    refused: int = 0
    lines: int = 0  # sums over these rows
    header_lines: int = 0
    blank_lines: int = 0
    parsed_lines: int = 0
    refused_lines: int = 0
    out_of_window_lines: int = 0  # parsed, and beyond the last year of any calendar
    transit_lines: int = 0  # parsed lines in time of objects of transit gateways
    flows: int = 0  # rows of `flows`, by the footers of its data files
    transit: int = 0  # rows of `transit`
    refused_rows: int = 0  # rows of `refused`

    def identities(self) -> tuple[Identity, ...]:
        """What must be equal; each difference must be exactly zero."""
        lines_by_fate = (
            self.header_lines + self.blank_lines + self.parsed_lines + self.refused_lines
        )
        return (
            Identity("objects listed = skipped + stored before + new", self.listed,
                     self.skipped + self.stored_before + self.objects),
            Identity("lines = header + blank + parsed + refused", self.lines, lines_by_fate),
            Identity("parsed = flows + of transit gateways + beyond any time", self.parsed_lines,
                     self.flows + self.transit + self.out_of_window_lines),
            Identity("of transit gateways = rows of transit", self.transit_lines, self.transit),
            Identity("refused lines = rows of refused", self.refused_lines, self.refused_rows),
        )  # fmt: skip

    @property
    def balanced(self) -> bool:
        """Whether every identity holds."""
        return all(identity.holds for identity in self.identities())

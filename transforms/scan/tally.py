"""The account of one object: what became of each of its bytes and lines."""

from dataclasses import dataclass

# Read to its end, like `read`, but its records are those of a transit gateway.
TRANSIT = "transit"
EVIDENCE = ("read", TRANSIT)
NO_EVIDENCE = ("refused", "unreadable")  # lines of it that were read before do not count either


@dataclass
class Account:
    """The counts of one object; see `schemas.ACCOUNT` for the meaning of each."""

    sha256: str | None = None
    version_id: str | None = None
    bytes_read: int = 0
    bytes_inflated: int = 0
    header: str | None = None
    lines: int = 0
    header_lines: int = 0
    blank_lines: int = 0
    set_aside_lines: int = 0
    parsed_lines: int = 0
    refused_lines: int = 0
    nodata_lines: int = 0
    skipdata_lines: int = 0
    in_window_lines: int = 0
    out_of_window_lines: int = 0
    first_start: int | None = None
    last_end: int | None = None
    outcome: str = "read"
    reason: str | None = None

    def refuse(self, reason: str, outcome: str = "refused") -> None:
        """Say why the object is no evidence: none of its lines counts any more."""
        self.lines = self.header_lines = self.blank_lines = self.set_aside_lines = 0
        self.parsed_lines = self.refused_lines = 0
        self.in_window_lines = self.out_of_window_lines = 0
        self.nodata_lines = self.skipdata_lines = 0
        self.first_start = self.last_end = None
        self.outcome, self.reason = outcome, reason

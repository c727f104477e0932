"""The closed lists of words in tables, answers and reports, each in one place, and their SQL."""

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """How far an attempt got, weakest first: the order of the members is the ladder's.

    What the far side said weighs more than silence, silence more than a rule at the own end, as a
    packet that was stopped there never left.
    """

    BLOCKED_SRC = "BLOCKED_SRC"
    NO_ANSWER = "NO_ANSWER"
    BLOCKED_DST = "BLOCKED_DST"
    REFUSED = "REFUSED"
    ANSWERED = "ANSWERED"
    DATA = "DATA"


class Initiator(StrEnum):
    """The side that began a conversation."""

    SUBJECT = "subject"
    PEER = "peer"
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """How sure it is who began."""

    PROVEN = "proven"
    LIKELY = "likely"
    UNKNOWN = "unknown"


class Ring(StrEnum):
    """Where an address lies, seen from the subject."""

    OWN_VPC = "own vpc"
    OTHER_VPC = "other vpc"
    PRIVATE_UNKNOWN = "private, unknown"
    AWS_SERVICE = "aws service"
    INTERNET = "internet"
    RESERVED = "reserved"
    MIDDLE_BOX = "middle box"  # a NAT gateway's own address that hides the real other end


INSIDE = (Ring.OWN_VPC, Ring.OTHER_VPC, Ring.PRIVATE_UNKNOWN)


# Where records differ about an address, the ring that is nearest to the subject counts.
_NEAREST_FIRST = (
    Ring.OWN_VPC, Ring.OTHER_VPC, Ring.PRIVATE_UNKNOWN, Ring.AWS_SERVICE, Ring.RESERVED,
    Ring.INTERNET, Ring.MIDDLE_BOX,
)  # fmt: skip


class Step(StrEnum):
    """The ladder of verdicts, strongest first."""

    DATA = "DATA"
    ANSWERED = "ANSWERED"
    ATTEMPTED = "ATTEMPTED"
    ORDINARY_ONLY = "ORDINARY ONLY"
    NO_EVIDENCE = "NO EVIDENCE"
    CANNOT_TELL = "CANNOT TELL"


class Standing(StrEnum):
    """Whether a peer's conversations are what the subject does on any day."""

    SUSPICIOUS = "suspicious"
    CHANGED = "changed"
    UNKNOWN = "unknown"
    ORDINARY = "ordinary"


class Reading(StrEnum):
    """What a run reads; each reading but that of the window has a folder of its own in the case."""

    WINDOW = "window"
    BASELINE = "baseline"
    PATH_1 = "path_1"
    PATH_2 = "path_2"
    PATH_3 = "path_3"
    PATH_4 = "path_4"
    PATH_5 = "path_5"
    PATH_6 = "path_6"

    @classmethod
    def of_path(cls, number: int) -> "Reading":
        """The reading of machines beside the subject, in the order in which they were read."""
        return cls(f"path_{number}")

    @property
    def folder(self) -> str:
        """The folder of its tables in the case; empty for the window."""
        return "" if self is Reading.WINDOW else self.value

    @property
    def described(self) -> str:
        """The reading in a sentence."""
        if self in (Reading.WINDOW, Reading.BASELINE):
            return f"the {self.value}"
        return f"reading {self.value.removeprefix('path_')} of the path"


FURTHER_READINGS = tuple(reading for reading in Reading if reading is not Reading.WINDOW)

BLOCKED_OUTCOMES = (Outcome.BLOCKED_SRC, Outcome.BLOCKED_DST)
FAILED_OUTCOMES = (Outcome.BLOCKED_SRC, Outcome.BLOCKED_DST, Outcome.REFUSED, Outcome.NO_ANSWER)
REACHED_OUTCOMES = (Outcome.ANSWERED, Outcome.DATA)


def sql_list(words: Iterable[StrEnum]) -> str:
    """SQL text: the words as a list of literals; only words of this module, never input."""
    return ", ".join(f"'{word.value}'" for word in words)


def outcome_rank(column: str = "outcome") -> str:
    """SQL text: the outcome's place in the ladder, 0 for the weakest; null for a null."""
    cases = " ".join(f"WHEN '{word.value}' THEN {rank}" for rank, word in enumerate(Outcome))
    return f"CASE {column} {cases} END"


def ring_rank(column: str) -> str:
    """SQL text: how near the ring is, 0 for the nearest; null for a null."""
    cases = " ".join(f"WHEN '{ring.value}' THEN {at}" for at, ring in enumerate(_NEAREST_FIRST))
    return f"CASE {column} {cases} END"


def ring_of_rank(rank: str) -> str:
    """SQL text: the ring of a rank of `ring_rank`."""
    cases = " ".join(f"WHEN {at} THEN '{ring.value}'" for at, ring in enumerate(_NEAREST_FIRST))
    return f"CASE {rank} {cases} END"


def is_inside(column: str = "peer_ring") -> str:
    """SQL text: the ring is inside, where machines of the owner are."""
    return f"{column} IN ({sql_list(INSIDE)})"

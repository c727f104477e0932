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


INSIDE = (Ring.OWN_VPC, Ring.OTHER_VPC, Ring.PRIVATE_UNKNOWN)


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


FAILED_OUTCOMES = (Outcome.BLOCKED_SRC, Outcome.BLOCKED_DST, Outcome.REFUSED, Outcome.NO_ANSWER)
REACHED_OUTCOMES = (Outcome.ANSWERED, Outcome.DATA)


def sql_list(words: Iterable[StrEnum]) -> str:
    """SQL text: the words as a list of literals; only words of this module, never input."""
    return ", ".join(f"'{word.value}'" for word in words)


def outcome_rank(column: str = "outcome") -> str:
    """SQL text: the outcome's place in the ladder, 0 for the weakest; null for a null."""
    cases = " ".join(f"WHEN '{word.value}' THEN {rank}" for rank, word in enumerate(Outcome))
    return f"CASE {column} {cases} END"

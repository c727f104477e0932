"""Records whose format has neither start nor end: the object's slot says when they were.

AWS, "Flow log record examples": the formats for NAT and transit gateways are published without
times. AWS, "Publish flow logs to Amazon S3": an object has the records that end in the five minutes
from the stamp in its name on.
"""

NO_TIME = "its format has neither start nor end, and its name has no time stamp"
PLACED = "its format has neither start nor end: records are placed in the slot of its name"
TIME_COLUMNS = ("start", "end", "time_basis")
_SLOT_S = 300


def placed_in_slot(slot: int) -> bytes:
    """What is written behind each record: start, end, and what they rest on."""
    return b" %d %d object-slot" % (slot, slot + _SLOT_S - 1)


def with_time(text: bytes, placed: bytes) -> bytes:
    """The lines, each with its time behind it."""
    return text.replace(b"\r\n", b"\n").replace(b"\n", placed + b"\n")

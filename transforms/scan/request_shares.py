"""How many requests a second one task may send, so that all of them together keep a budget.

S3 gives at least 5,500 GET and HEAD requests a second to each partitioned prefix, and answers more
with 503 SlowDown until it has made new partitions. Amazon S3 user guide, "Best practices design
patterns: optimizing Amazon S3 performance". Where it draws a partition nobody is told: here a
prefix is what stands before the date, as in `AWSLogs/<account>/vpcflowlogs/<region>`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

_DATES = re.compile(r"(?:/(?:(?:year|month|day|hour)=)?[0-9]{1,4}){1,4}$")


def prefix_of_requests(key: str) -> str:
    """The folder of a key, without its date."""
    return _undated(key.rpartition("/")[0])


@lru_cache(16_384)
def _undated(folder: str) -> str:
    return _DATES.sub("", folder)


def shares(tasks: Iterable[Iterable[str]], at_once: int, budget: float) -> Mapping[str, float]:
    """For each prefix, the requests a second of one task that reads below it.

    `tasks` are the prefixes that each task reads below, `at_once` is how many tasks run at a time.
    """
    readers = Counter(prefix for prefixes in tasks for prefix in set(prefixes))
    return {prefix: budget / min(number, at_once) for prefix, number in readers.items()}

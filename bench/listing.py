"""A listing of a million keys: seconds to walk and prune it, octets of driver memory per object.

`python -m bench.listing [number]` makes that many empty objects in folders of a day, lists them for
a window of 18 hours, and prints one row; targets: two minutes and 1 KB per object for a million.
"""

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.harness import report
from jobs.sources.listing import list_objects
from transforms.window import Window

_DAY = datetime(2026, 11, 23, tzinfo=UTC)
_WINDOW = Window(_DAY + timedelta(hours=6), _DAY + timedelta(days=1))
_SLOTS = 288
_TARGET_S, _TARGET_OCTETS = 120, 1024


def main(argv: list[str]) -> int:
    """1 when a target is missed."""
    number = int(argv[0]) if argv else 1_000_000
    with tempfile.TemporaryDirectory(prefix="listing-") as folder:
        _make(Path(folder), number)
        before, began = _peak_octets(), time.monotonic()
        listing = list_objects([folder], _WINDOW)
        seconds, octets = time.monotonic() - began, _peak_octets() - before
    each = octets / len(listing.objects)
    report(
        "listing",
        ["objects", "to read", "skipped", "s", "octets each, at the peak"],
        [[f"{number:,}", f"{len(listing.selected):,}", f"{len(listing.skipped):,}",
          f"{seconds:.1f}", f"{each:,.0f}"]],
    )  # fmt: skip
    target_s = _TARGET_S * number / 1_000_000
    print(f"targets: {target_s:.0f} s, {_TARGET_OCTETS:,} octets")
    return int(seconds > target_s or each > _TARGET_OCTETS)


def _make(folder: Path, number: int) -> None:
    """As many flow logs as it takes, in regions of 64 of them, an object in every slot."""
    made = 0
    while made < number:
        log = made // _SLOTS
        region = f"eu-west-{log // 64}"
        day = folder / f"AWSLogs/111122223333/vpcflowlogs/{region}/2026/11/23"
        day.mkdir(parents=True, exist_ok=True)
        for slot in range(min(_SLOTS, number - made)):
            stamp = f"{_DAY + timedelta(minutes=5 * slot):%Y%m%dT%H%MZ}"
            name = f"111122223333_vpcflowlogs_{region}_fl-{log:017x}_{stamp}_{slot:08x}.log.gz"
            (day / name).touch()
            made += 1


def _peak_octets() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

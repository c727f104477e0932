"""What a run would read, take and cost, without reading it."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from math import ceil
from pathlib import Path
from typing import NamedTuple

from jobs.errors import BadInput
from jobs.pipeline.case import Case
from transforms.text import sanitise

_OURS = "conf/prices.json"


class Platform(NamedTuple):
    """How fast a platform reads, and what it charges; see conf/prices.json for the sources."""

    name: str
    start_s: float
    compressed_bytes_per_s: float
    objects_per_s: float
    usd_per_hour: float
    least_billed_s: float


class Prices(NamedTuple):
    """Platforms with their prices, as of a date, from a source."""

    as_of: str
    source: str
    usd_per_1000_gets: float
    usd_per_1000_lists: float
    platforms: tuple[Platform, ...]


class Estimate(NamedTuple):
    """A run on one platform."""

    platform: str
    minutes: float
    usd: float


def read_prices(path: str | None = None) -> Prices:
    """Those of a file, or ours; raises BadInput when it is not shaped like `conf/prices.json`."""
    try:
        ours = files("conf").joinpath("prices.json")  # may be in a zip
        content = json.loads((Path(path) if path else ours).read_text(encoding="utf-8"))
        platforms = tuple(
            Platform(
                str(item["name"]),
                *(_not_negative(item, name) for name in Platform._fields[1:]),
            )
            for item in content["platforms"]
        )
        if any(not (p.compressed_bytes_per_s and p.objects_per_s) for p in platforms):
            raise ValueError("a speed of 0")
        return Prices(
            str(content["as_of"]),
            str(content["source"]),
            _not_negative(content, "usd_per_1000_gets"),
            _not_negative(content, "usd_per_1000_lists"),
            platforms,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            [
                f"--prices {path or _OURS}: found {type(error).__name__}: {error}; "
                "expected the shape of conf/prices.json; correct the file"
            ]
        ) from error


def _not_negative(content: Mapping[str, object], name: str) -> float:
    value = content[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"{name} is {value!r}; expected a number from 0 on")
    return float(value)


def estimate(objects: int, octets: int, prices: Prices, *, on_s3: bool) -> list[Estimate]:
    """Start, then the slower of bytes and requests; S3 charges for requests on every platform."""
    requests = ceil(objects / 1000) * prices.usd_per_1000_lists / 1000
    requests += objects * prices.usd_per_1000_gets / 1000
    found = []
    for platform in prices.platforms:
        reading = max(octets / platform.compressed_bytes_per_s, objects / platform.objects_per_s)
        seconds = platform.start_s + reading
        billed = max(seconds, platform.least_billed_s) / 3600 * platform.usd_per_hour
        found.append(Estimate(platform.name, seconds / 60, billed + (requests if on_s3 else 0)))
    return found


def dry_run_lines(case: Case, prices: Prices) -> Iterator[str]:
    """What `--dry_run true` prints."""
    listing = case.listing
    before = case.baseline_listing.selected if case.baseline_listing else []
    selected = [item for item in (*before, *listing.selected) if item.archived is None]
    octets = sum(item.size for item in selected)
    on_s3 = any(item.bucket for item in selected)
    yield f"Dry run of case {case.arguments.case_id}: nothing is read, nothing is written"
    yield f"  window    {case.arguments.window}"
    yield (
        f"  objects   {len(listing.objects) + len(before):,} listed, {len(selected):,} to read "
        f"({octets:,} bytes), {len(listing.skipped):,} skipped; "
        f"{len(listing.left_folders):,} folders left out"
    )
    if before:
        yield f"            {len(before):,} of them for the baseline"
    if case.arguments.flow_table is not None:
        yield "            what the flow table has of them is not looked up here: a run reads less"
    for sentence in case.of_listing():
        yield f"            {sanitise(sentence, 600)}"
    if (most := case.arguments.question_options.max_hops) > 1:
        yield (
            f"            each hop reads them once more, {most - 1} times at most, where a machine "
            "inside was reached or there are equals to compare with"
        )
    yield f"  expected, at prices of {prices.as_of}:"
    for item in estimate(len(selected), octets, prices, on_s3=on_s3):
        yield f"    {item.platform:<38} {item.minutes:8.1f} minutes  {item.usd:10.4f} USD"
    yield f"  {prices.source}"
    yield "  speeds are assumptions; put in your own, and your prices, by --prices FILE"

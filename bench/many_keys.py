"""An S3 on loopback that only lists: one folder of a day with many keys, each page after a while.

As ListObjectsV2 does: at most 1,000 keys a page, from `start-after` or a token on, in order.
"""

import re
from bisect import bisect_right
from random import Random
from urllib.parse import parse_qs, unquote_plus, urlsplit

from bench.slow_s3 import answer_of

BUCKET = "bench"
FOLDER = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2026/11/23"
SHAPES = ("many flow logs, a file a slot", "one flow log, many files a slot")
SLOTS = 288
_PAGE = 1_000


class ManyKeys:
    """The bucket."""

    def __init__(self, number: int, shape: str) -> None:
        chance = Random(number)
        logs = 1 if shape == SHAPES[1] else -(-number // SLOTS)
        files = -(-number // SLOTS) if shape == SHAPES[1] else 1
        names = [
            f"fl-0{log:016x}_20261123T{slot // 12:02}{slot % 12 * 5:02}Z_"
            f"{(file * SLOTS + slot) * 2_654_435_761 % 2**32:08x}.log.gz"  # no two are the same
            for log in (chance.getrandbits(64) for _ in range(logs))
            for slot in range(SLOTS)
            for file in range(files)
        ]
        self._keys = sorted(
            f"{FOLDER}/111122223333_vpcflowlogs_eu-west-1_{name}" for name in names[:number]
        )
        self._items = [
            f"<Contents><Key>{key}</Key><LastModified>2026-11-23T12:00:00.000Z</LastModified>"
            f"<ETag>&quot;{chance.getrandbits(128):032x}&quot;</ETag><Size>25852</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for key in self._keys
        ]

    def answer(self, head: bytes) -> bytes:
        """A page; of anything but a listing, that it is there."""
        _, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        query = {name: each[0] for name, each in parse_qs(urlsplit(target).query).items()}
        if "list-type" not in query:
            return answer_of("200 OK", b"", extra="x-amz-bucket-region: eu-west-1\r\n")
        after = unquote_plus(query.get("continuation-token") or query.get("start-after") or "")
        assert re.fullmatch(rf"{FOLDER}/?", query["prefix"]), query
        start = bisect_right(self._keys, after)
        end = min(start + _PAGE, len(self._keys))
        is_cut = end < len(self._keys)
        token = f"<NextContinuationToken>{self._keys[end - 1]}</NextContinuationToken>"
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{FOLDER}/</Prefix><KeyCount>{end - start}</KeyCount>"
            f"<MaxKeys>{_PAGE}</MaxKeys><IsTruncated>{str(is_cut).lower()}</IsTruncated>"
            f"{token if is_cut else ''}{''.join(self._items[start:end])}</ListBucketResult>"
        )
        return answer_of("200 OK", body.encode(), "application/xml")

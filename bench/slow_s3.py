"""An S3 on loopback that takes its time: every answer begins 30 ms after its request.

Objects are in memory, so that the reader is measured and not a disk. It knows what readers ask:
GET with and without a range, HEAD, and listings.
"""

import asyncio
import multiprocessing
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET, PREFIX = "bench", "logs/"
_DATE = "Mon, 23 Nov 2026 00:00:00 GMT"
_ISO = "2026-11-23T00:00:00.000Z"


def key_of(number: int) -> str:
    """The key of an object."""
    return f"{PREFIX}{number:06d}.log.gz"


class Answers(Protocol):
    """What a bucket answers to a request, given the request's head."""

    def answer(self, head: bytes) -> bytes:
        """The whole answer, head and body."""


@contextmanager
def slow_s3(bodies: Sequence[bytes], objects: int, delay_ms: int) -> Iterator[str]:
    """The URL of a server with so many objects, whose bodies take turns; it ends with the block."""
    with served_slowly(partial(_Bucket, bodies, objects), delay_ms) as url:
        yield url


@contextmanager
def served_slowly(make: Callable[[], Answers], delay_ms: int) -> Iterator[str]:
    """The URL of a server, in a process of its own, for a bucket that is made there."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(theirs, make, delay_ms / 1000), daemon=True
    )
    server.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.terminate()
        server.join()


def _serve(told: Connection, make: Callable[[], Answers], delay_s: float) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        bucket = make()
        server = await loop.create_server(lambda: _Answering(bucket, delay_s), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


class _Answering(asyncio.Protocol):
    def __init__(self, bucket: Answers, delay_s: float) -> None:
        self._bucket, self._delay_s, self._asked = bucket, delay_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._asked += data
        while (end := self._asked.find(b"\r\n\r\n")) >= 0:
            head, self._asked = self._asked[:end], self._asked[end + 4 :]
            answer = self._bucket.answer(head)
            self._loop.call_later(self._delay_s, self._transport.write, answer)


class _Bucket:
    def __init__(self, bodies: Sequence[bytes], objects: int) -> None:
        self._bodies, self._objects = bodies, objects

    def answer(self, head: bytes) -> bytes:
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        url = urlsplit(target)
        key = unquote(url.path).removeprefix(f"/{BUCKET}").removeprefix("/")
        if "list-type=2" in url.query:
            return answer_of("200 OK", self._listing(parse_qs(url.query)), "application/xml")
        if not key:
            return answer_of("200 OK", b"", extra="x-amz-bucket-region: eu-west-1\r\n")
        found = re.fullmatch(rf"{PREFIX}(\d{{6}})\.log\.gz", key)
        if not found or int(found[1]) >= self._objects:
            return answer_of("404 Not Found", b"" if method == "HEAD" else _NO_SUCH_KEY)
        body = self._bodies[int(found[1]) % len(self._bodies)]
        status, extra = "200 OK", ""
        wanted = re.search(rb"\r\n[Rr]ange: bytes=(\d+)-(\d*)", head)
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or len(body)), len(body) - 1)
            extra = f"Content-Range: bytes {first}-{last}/{len(body)}\r\n"
            body, status = body[first : last + 1], "206 Partial Content"
        return answer_of(status, body, extra=extra, with_body=method != "HEAD")

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        prefix = query.get("prefix", [""])[0]
        folder = prefix != PREFIX and PREFIX.startswith(prefix) and "delimiter" in query
        keys = [] if folder or not PREFIX.startswith(prefix[: len(PREFIX)]) else [
            number for number in range(self._objects) if key_of(number).startswith(prefix)
        ]  # fmt: skip
        items = "".join(
            f"<Contents><Key>{key_of(number)}</Key><LastModified>{_ISO}</LastModified>"
            f"<ETag>&quot;{number % len(self._bodies)}&quot;</ETag>"
            f"<Size>{len(self._bodies[number % len(self._bodies)])}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for number in keys
        )
        if folder:
            items = f"<CommonPrefixes><Prefix>{PREFIX}</Prefix></CommonPrefixes>"
        return (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>'
            f"<Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><KeyCount>{len(keys)}</KeyCount>"
            f"<MaxKeys>{max(1000, len(keys))}</MaxKeys><IsTruncated>false</IsTruncated>{items}"
            "</ListBucketResult>"
        ).encode()


_NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"


def answer_of(
    status: str, body: bytes, kind: str = "binary/octet-stream", *, extra: str = "",
    with_body: bool = True,
) -> bytes:  # fmt: skip
    """An answer of HTTP."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: {kind}\r\n"
        f'ETag: "0"\r\nLast-Modified: {_DATE}\r\nAccept-Ranges: bytes\r\n{extra}\r\n'
    )
    return head.encode() + (body if with_body else b"")

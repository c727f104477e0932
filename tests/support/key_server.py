"""A bucket of nothing but keys: its pages, and an S3 on loopback that answers with them."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest

from jobs.storage.key_pages import Page
from tests.support.http_server import served


class Asked(NamedTuple):
    """What a listing asks for: `after` a name, or where a `token` leads."""

    prefix: str
    after: str
    token: str | None


class Keys:
    """Pages as S3 makes them: names in order, what lies in folders rolled up, so many a page."""

    def __init__(self, keys: Sequence[str], page: int, order: Callable[[str], str] = str) -> None:
        self.order, self._page = order, page
        self._keys = sorted(keys, key=order)
        self._in_order = [order(key) for key in self._keys]

    def page(self, asked: Asked) -> Page[str]:
        names: list[str] = []
        last = ""
        found: Page[str] = Page([], [], [], None)
        start = bisect_right(self._in_order, self.order(asked.token or asked.after))
        for key in self._keys[start:] if asked.token or asked.after else self._keys:
            if not key.startswith(asked.prefix):
                continue
            head, slash, _ = key[len(asked.prefix) :].partition("/")
            name = asked.prefix + head + slash
            if name in names or (slash and (asked.token or asked.after).startswith(name)):
                continue
            if len(names) == self._page:
                return found._replace(token=last)
            last = key if not slash else f"{name}\U0010ffff"
            names.append(name)
            if slash:
                found.folders.append(name)
            else:
                found.keys.append(name)
                found.rows.append(name)
        return found


Answer = Callable[[Asked, int], Page[str] | int]


@contextmanager
def keys_served(answer: Answer, patch: pytest.MonkeyPatch) -> Iterator[list[Asked]]:
    """An S3 that answers a listing with a page or a status; what it was asked, in order."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.send_response(404 if urlsplit(self.path).path.count("/") > 1 else 200)
            self.send_header("x-amz-bucket-region", "eu-west-1")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            query = {name: each[0] for name, each in parse_qs(urlsplit(self.path).query).items()}
            asked.append(
                Asked(
                    query.get("prefix", ""),
                    query.get("start-after", ""),
                    bytes.fromhex(query.get("continuation-token", "")).decode() or None,
                )
            )
            page = answer(asked[-1], len(asked))
            body = (_error(page) if isinstance(page, int) else _listing(page)).encode()
            self.send_response(page if isinstance(page, int) else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with served(Handler) as url:
        patch.setenv("AWS_ENDPOINT_URL", url)
        yield asked


def _error(status: int) -> str:
    code = {503: "SlowDown", 501: "NotImplemented", 403: "ExpiredToken"}[status]
    return f"<Error><Code>{code}</Code><Message>no</Message></Error>"


def _listing(page: Page[str]) -> str:
    """A key's size is its length; a token that is empty is left out where one is due."""
    token = (page.token or "").encode().hex()
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<EncodingType>url</EncodingType>"
        f"<IsTruncated>{str(page.token is not None).lower()}</IsTruncated>"
        + (f"<NextContinuationToken>{token}</NextContinuationToken>" if token else "")
        + "".join(
            f"<Contents><Key>{quote_plus(key)}</Key><Size>{len(key)}</Size><ETag>&quot;1&quot;</ETag>"
            "<LastModified>2026-11-23T00:00:00.000Z</LastModified></Contents>"
            for key in page.keys
        )
        + "".join(
            f"<CommonPrefixes><Prefix>{quote_plus(name)}</Prefix></CommonPrefixes>"
            for name in page.folders
        )
        + "</ListBucketResult>"
    )

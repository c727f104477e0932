"""A moto that also knows Glue's UpdateJob, which it lacks: everything else goes through to it."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.http_server import served

_TARGET = "X-Amz-Target"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers[_TARGET] != "AWSGlue.UpdateJob":
            status, answer = self._ask(self.headers[_TARGET], body)
        else:  # replaces the whole definition, as the API reference says
            said = json.loads(body)
            name = said["JobName"]
            self._ask("AWSGlue.DeleteJob", json.dumps({"JobName": name}).encode())
            made = json.dumps({"Name": name, **said["JobUpdate"]}).encode()
            status, answer = self._ask("AWSGlue.CreateJob", made)
            answer = json.dumps({"JobName": name}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _ask(self, target: str, body: bytes) -> tuple[int, bytes]:
        headers = {
            _TARGET: target,
            "Content-Type": self.headers["Content-Type"],
            "Authorization": self.headers["Authorization"],
        }
        request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextmanager
def glue_fake() -> Iterator[None]:
    """While it runs, boto3 finds it as Glue's endpoint."""
    with served(_Handler) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_GLUE", url)
        yield

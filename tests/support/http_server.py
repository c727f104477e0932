"""A server on loopback for as long as a test needs it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# How long an idle server takes to see that it is to stop; the library's half second, paid by every
# test with a server, was half the time of the tests without a JVM.
_STOPS_WITHIN = 0.01


@contextmanager
def served(
    handler: type[BaseHTTPRequestHandler], server: type[ThreadingHTTPServer] = ThreadingHTTPServer
) -> Iterator[str]:
    """Its URL while it runs; a request still being answered is waited for."""
    running = server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever, args=(_STOPS_WITHIN,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()

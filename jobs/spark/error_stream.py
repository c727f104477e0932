"""The error stream of the command that a person typed, also where that command is spark-submit."""

import io
import os
import sys
from functools import cache
from typing import Any, TextIO

from py4j.protocol import Py4JError

_GATEWAY = ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")


def error_stream() -> TextIO:
    """Where errors and logs go: this process's error stream, or that of its spark-submit.

    spark-submit (`PythonRunner`) merges the error stream of the Python process into standard
    output. Its own error stream is reached through its JVM, which this process talks to anyway.
    """
    return _stream_of_jvm() if all(name in os.environ for name in _GATEWAY) else sys.stderr


@cache
def _stream_of_jvm() -> TextIO:
    from pyspark.java_gateway import launch_gateway  # connects to the JVM that is there

    raw = _JvmErrors(launch_gateway())  # type: ignore[no-untyped-call]
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="replace", line_buffering=True
    )


class _JvmErrors(io.RawIOBase):
    """System.err of the JVM as a file. It takes bytes, so no encoding of the JVM's own matters."""

    def __init__(self, gateway: Any) -> None:
        self._err = gateway.jvm.java.lang.System.err

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        octets = bytes(data)
        try:
            self._err.write(octets, 0, len(octets))
            self._err.flush()
        except (Py4JError, OSError):  # the JVM ended: this may be the sentence that tells it
            sys.stderr.buffer.write(octets)
            sys.stderr.flush()
        return len(octets)

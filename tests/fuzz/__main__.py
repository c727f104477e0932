"""`make fuzz`: bytes that atheris makes up, through the whole reader, for some minutes.

The first byte chooses needles and limit; the rest is one object. A broken law ends the run with the
input, which then belongs into the examples of tests/unit/jobs/sources/test_scan_law.py.
"""

import gzip
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["transforms", "jobs"]):
    from tests.unit.jobs.sources.test_scan_law import assert_one_fate_each, scan

_LIMITS = (32, 256, 16_384)


def one_object(data: bytes) -> None:
    """One input: a plain object, and the same as gzip."""
    choice, content = (data[0], data[1:]) if data else (0, b"")
    body = gzip.compress(content, compresslevel=1, mtime=0) if choice & 1 else content
    rows = scan(_FOLDER, [body], needles=bool(choice & 2), limit=_LIMITS[choice // 4 % 3])
    assert_one_fate_each(rows, [body])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        _FOLDER = Path(folder)
        seeds = _FOLDER / "seeds"
        seeds.mkdir()
        header = b"srcaddr dstaddr start end action log-status\n"
        line = b"10.0.0.7 10.0.0.9 1795435200 1795435259 ACCEPT OK\n"
        for number in range(8):
            (seeds / str(number)).write_bytes(bytes([number]) + header + line * 3)
        atheris.Setup([*sys.argv, "-max_len=2048", str(seeds)], one_object)
        atheris.Fuzz()

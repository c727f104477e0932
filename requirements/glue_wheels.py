"""A folder of wheels and their lock file → the zip that Glue 5 installs without a network.

    python requirements/glue_wheels.py WHEELS LOCK dist/packages.gluewheels.zip

AWS Glue developer guide, "Creating a Zip of Wheels Artifact": the name ends in .gluewheels.zip, and
below wheels/ are the wheels and requirements.txt. With the lock file as requirements.txt, pip also
compares the hash of every wheel. The same wheels always give the same bytes.
"""

import sys
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of the format


def pack(wheels: Path, lock: Path, output: Path) -> None:
    """Write the zip; raises SystemExit where there is no wheel."""
    found = sorted(wheels.glob("*.whl"))
    if not found:
        raise SystemExit(
            f"{wheels}: found no wheel; expected those of a lock; run `make dist-glue`"
        )
    entries = [("requirements.txt", lock), *((path.name, path) for path in found)]
    with ZipFile(output, "w", ZIP_STORED) as file:  # a wheel is compressed itself
        for name, path in entries:
            entry = ZipInfo(f"wheels/{name}", _FIRST_DAY)
            entry.external_attr = 0o644 << 16
            file.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    pack(*map(Path, sys.argv[1:4]))

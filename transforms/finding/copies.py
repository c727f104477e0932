"""The name of a finding beside its case, by its first bytes: it is kept as it was read."""

from transforms.finding.envelope import GZIP
from transforms.finding.parquet_rows import PARQUET

_BY_FIRST_BYTES = {GZIP: "finding.json.gz", PARQUET: "finding.parquet", b"": "finding.json"}
COPY_NAMES = tuple(_BY_FIRST_BYTES.values())


def copy_name_of(data: bytes) -> str:
    """One of COPY_NAMES."""
    return next(name for first, name in _BY_FIRST_BYTES.items() if data.startswith(first))

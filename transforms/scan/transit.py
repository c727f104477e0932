"""Records of transit gateways (version 6) → one map of fields each.

AWS, "Transit gateway flow log records". They have no interface and no action: a record is written
at each attachment that packets pass, and names the VPC, subnet, attachment and account of both
ends. They are no flows of an interface, so that they never count among those.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.flow_fields import FIELD_NAMES

_ENDS = ("vpc_account_id", "vpc_id", "subnet_id", "eni", "az_id")
TRANSIT_TEXTS = (
    "resource_type", "tgw_id", "tgw_attachment_id", "tgw_pair_attachment_id",
    *(f"tgw_{side}_{name}" for side in ("src", "dst") for name in _ENDS),
)  # fmt: skip
TRANSIT_COUNTS = (
    "packets_lost_no_route", "packets_lost_blackhole", "packets_lost_mtu_exceeded",
    "packets_lost_ttl_expired",
)  # fmt: skip
TRANSIT_TYPE = pa.map_(pa.string(), pa.string())


def is_of_transit_gateway(columns: Iterable[str]) -> bool:
    """Whether records of these columns are those of a transit gateway, not of an interface.

    A VPC's records may have been joined with columns of a transit gateway: they keep their own
    interface. Columns may be encoded ones; see `formats.encoded_column`.
    """
    names = {plain_name(column) for column in columns}
    is_named = any(name.startswith("tgw_") for name in names) or "resource_type" in names
    return is_named and "interface_id" not in names


def plain_name(column: str) -> str:
    """The name of a column with `_` for `-`, whether its values are encoded or not."""
    return column.removesuffix("%").replace("-", "_")


def transit_maps(records: pa.Table, columns: Iterable[str]) -> pa.Array:
    """Parsed records (see `parse.Parsed`) of these columns as maps from field to text; null as -.

    A field that is null has no entry in its map.
    """
    values = [
        (plain_name(column), _values(records, column))
        for column in columns
        if plain_name(column) != "interface_id"  # JSON has a column for every field
    ]
    length, width = records.num_rows, len(values)
    texts = pa.chunked_array([chunk for _, found in values for chunk in found.chunks], pa.string())
    by_row = np.arange(length * width).reshape(width, length).T.ravel()
    stacked = pc.take(texts, pa.array(by_row)).combine_chunks()
    keys = pa.array(np.tile(np.array([name for name, _ in values], dtype=object), length))
    has_value = pc.is_valid(stacked)
    counts = np.asarray(has_value.to_numpy(zero_copy_only=False)).reshape(length, width)
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=1))])
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()),
        pc.cast(pc.filter(keys, has_value), pa.string()),
        pc.filter(stacked, has_value),
    )


def _values(records: pa.Table, column: str) -> pa.ChunkedArray:
    if column in FIELD_NAMES:
        return pc.cast(records[column], pa.string())
    extra = records["extra"]
    return pc.map_lookup(extra, pa.scalar(column.removesuffix("%"), pa.string()), "first")

"""Rows of Security Lake → the columns that flow logs have.

OCSF, "Network Activity" (class 4001), as Security Lake writes VPC flow logs: one row per record, in
nested columns. Where the packet's own address differs, it stands in `ip`, and the interface's in
`intermediate_ips`.
"""

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from transforms.scan.formats import OtherKind
from transforms.scan.inflate import Damaged

_CLASS = 4001
_ACTIONS = (("action_id", 1, 2), ("disposition_id", 1, 2), ("activity_id", 6, 5))
_BOUNDARY_OTHER, _BOUNDARY_SHIFT = 99, 3
_OWN_IDS = (
    ("interface_id", "interface_uid"),
    ("vpc_id", "vpc_uid"),
    ("subnet_id", "subnet_uid"),
    ("instance_id", "instance_uid"),
)
OCSF_COLUMNS = (
    "account_id", "region", "az_id", "srcaddr", "dstaddr", "pkt_srcaddr", "pkt_dstaddr",
    "srcport", "dstport", "pkt_src_aws_service", "pkt_dst_aws_service", "protocol", "tcp_flags",
    "type", "packets", "bytes", "start", "end", "action", "log_status", "flow_direction",
    "traffic_path", *(name for name, _ in _OWN_IDS),
)  # fmt: skip


def is_ocsf(schema: pa.Schema) -> bool:
    """Whether these are the columns of an OCSF event with two ends."""
    return {"class_uid", "src_endpoint", "dst_endpoint"} <= set(schema.names)


def flow_columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Each row as a flow record; rows in = rows out.

    Raises OtherKind when the first row is of another class, Damaged when a later one is.
    """
    rows = _Rows(batch)
    classes = batch.column("class_uid")
    is_other = pc.fill_null(pc.not_equal(classes, _CLASS), True)
    if len(batch) and pc.any(is_other).as_py():
        if is_other[0].as_py():
            raise OtherKind(f"it holds OCSF events of class {classes[0].as_py()}, not {_CLASS}")
        raise Damaged(f"its rows are not all of OCSF class {_CLASS}")
    direction = pc.cast(rows.at("connection_info", "direction_id"), pa.int64())
    is_ingress = pc.fill_null(pc.equal(direction, 1), False)
    is_egress = pc.fill_null(pc.equal(direction, 2), False)
    columns = {
        "account_id": rows.first(("cloud", "account", "uid"), ("cloud", "account_uid")),
        "region": rows.at("cloud", "region"),
        "az_id": rows.at("cloud", "zone"),
        "protocol": rows.at("connection_info", "protocol_num"),
        "tcp_flags": rows.at("connection_info", "tcp_flags"),
        "type": rows.at("connection_info", "protocol_ver"),
        "packets": rows.at("traffic", "packets"),
        "bytes": rows.at("traffic", "bytes"),
        "start": rows.first(("start_time",), ("start_time_dt",), ("time",)),
        "end": rows.first(("end_time",), ("end_time_dt",)),
        "action": _action(rows),
        "log_status": rows.at("status_code"),
        "flow_direction": pc.if_else(
            is_ingress,
            pa.scalar("ingress"),
            pc.if_else(is_egress, pa.scalar("egress"), pa.scalar(None, pa.string())),
        ),
        "traffic_path": _traffic_path(rows),
    }
    for end in ("src", "dst"):
        packet = rows.at(f"{end}_endpoint", "ip")
        columns[f"{end}addr"] = pc.coalesce(rows.intermediate(f"{end}_endpoint"), packet)
        columns[f"pkt_{end}addr"] = packet
        columns[f"{end}port"] = rows.at(f"{end}_endpoint", "port")
        columns[f"pkt_{end}_aws_service"] = rows.at(f"{end}_endpoint", "svc_name")
    for name, uid in _OWN_IDS:
        source, destination = rows.at("src_endpoint", uid), rows.at("dst_endpoint", uid)
        columns[name] = pc.if_else(
            is_ingress, pc.coalesce(destination, source), pc.coalesce(source, destination)
        )
    arrays = [columns[name] for name in OCSF_COLUMNS]
    return pa.RecordBatch.from_arrays(arrays, names=list(OCSF_COLUMNS))


class _Rows:
    """A batch of OCSF rows; what it has not is null."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def at(self, *path: str) -> pa.Array:
        """The values at a path of names."""
        names = self._batch.schema.names
        values = self._batch.column(path[0]) if path[0] in names else None
        for name in path[1:]:
            is_there = (
                values is not None
                and pa.types.is_struct(values.type)
                and values.type.get_field_index(name) >= 0
            )
            values = pc.struct_field(values, name) if is_there else None
        if values is None or pa.types.is_null(values.type):
            return pa.nulls(len(self._batch), pa.string())
        if pa.types.is_timestamp(values.type):
            values = pc.cast(pc.cast(values, pa.timestamp("s"), safe=False), pa.int64())
        return pc.cast(values, pa.string())

    def first(self, *paths: Sequence[str]) -> pa.Array:
        """The first path that has a value, row by row."""
        return reduce(pc.coalesce, (self.at(*path) for path in paths))

    def intermediate(self, end: str) -> pa.Array:
        """The first of the addresses on the way, which is the interface's."""
        values = self._batch.column(end)
        if values.type.get_field_index("intermediate_ips") < 0:
            return pa.nulls(len(values), pa.string())
        ips = pc.struct_field(values, "intermediate_ips").to_pylist()
        return pa.array([found[0] if found else None for found in ips], pa.string())


def _action(rows: _Rows) -> pa.Array:
    """The first of the ids that says whether the flow was let through."""
    none = pa.scalar(None, pa.string())
    found = []
    for name, accepted, rejected in _ACTIONS:
        actions = rows.at(name)
        is_accepted = pc.equal(actions, str(accepted))
        is_rejected = pc.equal(actions, str(rejected))
        found.append(
            pc.if_else(
                pc.fill_null(is_accepted, False),
                pa.scalar("ACCEPT"),
                pc.if_else(pc.fill_null(is_rejected, False), pa.scalar("REJECT"), none),
            )
        )
    return reduce(pc.coalesce, found)


def _traffic_path(rows: _Rows) -> pa.Array:
    boundary = pc.cast(rows.at("connection_info", "boundary_id"), pa.int64())
    is_path = pc.and_(pc.greater(boundary, _BOUNDARY_SHIFT), pc.less(boundary, _BOUNDARY_OTHER))
    path = pc.if_else(
        pc.fill_null(is_path, False),
        pc.subtract(boundary, _BOUNDARY_SHIFT),
        pa.scalar(None, pa.int64()),
    )
    return pc.cast(path, pa.string())

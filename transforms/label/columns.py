"""What the columns of a label file are, in the spellings of consoles, exports and people."""

import re
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TAG = re.compile(r"(resource_)?tags?_(key_)?(user_)?(?=.)")
# Spelling, in lower case and with `_` for anything else → column. A console heads the tag Name as
# `Name` or `Tag: Name`, the Tag Editor too; billing reports write `resourceTags/user:Name`.
_SPELLINGS = {
    "name_tag": "name",
    "resource_name": "name",
    "display_name": "name",
    "network_interface_id": "interface_id",
    "eni_id": "interface_id",
    "eni": "interface_id",
    "account": "account_id",
    "aws_account": "account_id",
    "aws_account_id": "account_id",
    "aws_region": "region",
    "asg": "auto_scaling_group",
    "asg_name": "auto_scaling_group",
    "auto_scaling_group_name": "auto_scaling_group",
    "autoscaling_group": "auto_scaling_group",
    "autoscaling_group_name": "auto_scaling_group",
    "aws_autoscaling_group_name": "auto_scaling_group",
    "aws_autoscaling_groupname": "auto_scaling_group",
    "cluster_name": "cluster",
    "eks_cluster_name": "cluster",
    "aws_eks_cluster_name": "cluster",
    "nodegroup": "node_group",
    "nodegroup_name": "node_group",
    "node_group_name": "node_group",
    "eks_nodegroup_name": "node_group",
}
# The thing that each table is about: `Subnet name` heads the names in `subnets`, and nowhere else.
_THINGS = {
    "interfaces": ("interface", "network_interface", "eni"),
    "subnets": ("subnet",),
    "vpcs": ("vpc",),
    "instances": ("instance",),
    "prefix_lists": ("prefix_list",),
}


@lru_cache(maxsize=64)  # each row of a JSON file has its own headings, nearly always the same
def column_names(table: str, headings: tuple[str, ...]) -> dict[str, str]:
    """The column that each heading means; one that is spelled as here wins over other spellings."""
    plain = {heading: re.sub(r"[-\s]+", "_", heading.strip().lower()) for heading in headings}
    taken = set(plain.values())
    return {
        heading: meant if (meant := _meant(table, heading)) and meant not in taken else name
        for heading, name in plain.items()
    }


def _meant(table: str, heading: str) -> str | None:
    """The column behind an unusual spelling; None where it is none that is known."""
    if not (heading.isascii() and heading.isprintable()):
        return None
    text = _CAMEL.sub("_", heading.strip()).lower()
    text = _TAG.sub("", re.sub(r"[^a-z0-9]+", "_", text).strip("_"), count=1)
    things = _THINGS.get(table, ())
    if text in (f"{thing}_name" for thing in things):
        return "name"
    known = {"name", "interface_id", "instance_id", "subnet_id", "vpc_id"}
    return text if text in known else _SPELLINGS.get(text)

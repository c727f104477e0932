"""Which group of equal machines a machine belongs to: an Auto Scaling group or EKS nodes.

Sources: AWS, "Tag Auto Scaling groups and instances"; "Amazon EKS, tagging your resources"; "Amazon
VPC CNI plugin"; Karpenter, "NodePools". The tags that begin with `aws:` come first, as only AWS can
set them: whoever may tag machines cannot move one into another group.
"""

from collections.abc import Mapping

from transforms.label.cells import clean

_CLUSTER_KEY = "kubernetes.io/cluster/"
# Column of the labels → tag keys that tell it, the most reliable first.
_TAG_KEYS = {
    "auto_scaling_group": ("aws:autoscaling:groupName",),
    "cluster": ("aws:eks:cluster-name", "eks:cluster-name", "eks:eks-cluster-name",
                "cluster.k8s.amazonaws.com/name"),
    "node_group": ("eks:nodegroup-name", "alpha.eksctl.io/nodegroup-name", "karpenter.sh/nodepool",
                   "karpenter.sh/provisioner-name"),
}  # fmt: skip
GROUP_COLUMNS = tuple(_TAG_KEYS)


def group_cells(tags: Mapping[str, str]) -> dict[str, object]:
    """The cells of a label row that the tags of a machine or an interface fill, null without."""
    found: dict[str, object] = {
        column: next((tags[key] for key in keys if tags.get(key)), None)
        for column, keys in _TAG_KEYS.items()
    }
    # A subnet or a security group of a cluster is `shared`; a node is `owned`.
    owned = sorted(
        key.removeprefix(_CLUSTER_KEY)
        for key, value in tags.items()
        if key.startswith(_CLUSTER_KEY) and value == "owned"
    )
    if found["cluster"] is None and len(owned) == 1:
        found["cluster"] = owned[0]
    return found


def group_of(cells: Mapping[str, object]) -> str | None:
    """The group that a label row names: its own column, else the narrowest group in the tags."""
    own = clean(cells.get("group")) or clean(cells.get("auto_scaling_group"))
    if own is not None:
        return own
    cluster, nodes = clean(cells.get("cluster")), clean(cells.get("node_group"))
    return f"{cluster}/{nodes}" if cluster and nodes else nodes or cluster

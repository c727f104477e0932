"""Tags → the group of equal machines."""

import pytest

from transforms.label.groups import group_cells, group_of


@pytest.mark.parametrize(
    ("tags", "asg", "cluster", "nodes", "group"),
    [
        ({}, None, None, None, None),
        ({"Name": "web-1", "aws:autoscaling:groupName": "web"}, "web", None, None, "web"),
        # a managed node group: the Auto Scaling group behind it is its narrowest name
        ({"aws:autoscaling:groupName": "eks-workers-1f", "eks:cluster-name": "prod",
          "eks:nodegroup-name": "workers", "kubernetes.io/cluster/prod": "owned"},
         "eks-workers-1f", "prod", "workers", "eks-workers-1f"),
        ({"eks:cluster-name": "prod", "eks:nodegroup-name": "workers"},
         None, "prod", "workers", "prod/workers"),
        ({"kubernetes.io/cluster/prod": "owned", "karpenter.sh/nodepool": "spot"},
         None, "prod", "spot", "prod/spot"),
        ({"kubernetes.io/cluster/prod": "owned"}, None, "prod", None, "prod"),
        ({"kubernetes.io/cluster/prod": "shared"}, None, None, None, None),
        ({"kubernetes.io/cluster/a": "owned", "kubernetes.io/cluster/b": "owned"},
         None, None, None, None),
        ({"cluster.k8s.amazonaws.com/name": "prod"}, None, "prod", None, "prod"),
        # only AWS can set a tag that begins with aws:
        ({"aws:eks:cluster-name": "prod", "eks:cluster-name": "forged"},
         None, "prod", None, "prod"),
        ({"aws:autoscaling:groupName": "", "eks:cluster-name": ""}, None, None, None, None),
    ],
)  # fmt: skip
def test_the_group_of_a_machine_by_its_tags(
    tags: dict[str, str], asg: str | None, cluster: str | None, nodes: str | None, group: str | None
) -> None:
    cells = group_cells(tags)

    assert cells == {"auto_scaling_group": asg, "cluster": cluster, "node_group": nodes}
    assert group_of(cells) == group


def test_what_a_person_writes_comes_first_and_is_plain_text() -> None:
    assert group_of({"group": "my \x1b[31mgroup", "auto_scaling_group": "web"}) == "my [31mgroup"

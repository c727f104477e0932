"""The fields of flow records, as AWS defines them: the first part of every row."""

from typing import Literal, NamedTuple

Kind = Literal["text", "tag", "address", "count", "port", "protocol", "time"]


class Field(NamedTuple):
    """One flow-log field: AWS's name with `-` as `_`, how it is read, and what it means."""

    name: str
    kind: Kind
    comment: str


# AWS, "Flow log records": the fields of versions 2 to 11 (version 6 belongs to transit gateways).
FIELDS = (
    Field("version", "count", "highest version among the fields of the format"),
    Field("account_id", "text", "owner of the interface; may be unknown"),
    Field("interface_id", "text", "interface that the record was taken at"),
    Field("srcaddr", "address", "source; the interface's own address on egress"),
    Field("dstaddr", "address", "destination; the interface's own address on ingress"),
    Field("srcport", "port", "0 for protocols without ports"),
    Field("dstport", "port", "0 for protocols without ports"),
    Field("protocol", "protocol", "IANA number"),
    Field("packets", "count", "packets in the aggregation interval"),
    Field("bytes", "count", "octets in the aggregation interval"),
    Field("start", "time", "Unix seconds, first packet of the aggregation interval"),
    Field("end", "time", "Unix seconds, last packet of the aggregation interval"),
    Field("action", "text", "ACCEPT or REJECT, at this interface"),
    Field("log_status", "text", "OK, NODATA or SKIPDATA"),
    Field("vpc_id", "text", "VPC of the interface"),
    Field("subnet_id", "text", "subnet of the interface"),
    Field("instance_id", "text", "instance of the interface; null for requester-managed ones"),
    Field("tcp_flags", "count", "OR over the interval: FIN 1, SYN 2, RST 4, SYN-ACK 18"),
    Field("type", "text", "IPv4, IPv6 or EFA"),
    Field("pkt_srcaddr", "address", "source of the packet, before a middle box rewrote it"),
    Field("pkt_dstaddr", "address", "destination of the packet, behind a middle box"),
    Field("region", "text", "region of the interface"),
    Field("az_id", "text", "availability zone id, not its name"),
    Field("sublocation_type", "text", "wavelength, outpost or localzone"),
    Field("sublocation_id", "text", "id of the sublocation"),
    Field("pkt_src_aws_service", "text", "AWS service that owns the packet's source"),
    Field("pkt_dst_aws_service", "text", "AWS service that owns the packet's destination"),
    Field("flow_direction", "text", "ingress or egress, as the interface sees it"),
    Field("traffic_path", "count", "1 to 8: the way that egress traffic takes"),
    Field("ecs_cluster_arn", "text", "ECS task that owns the interface: cluster"),
    Field("ecs_cluster_name", "text", "ECS cluster name"),
    Field("ecs_container_instance_arn", "text", "ECS container instance"),
    Field("ecs_container_instance_id", "text", "ECS container instance id"),
    Field("ecs_container_id", "text", "ECS container"),
    Field("ecs_second_container_id", "text", "ECS second container"),
    Field("ecs_service_name", "text", "ECS service"),
    Field("ecs_task_definition_arn", "text", "ECS task definition"),
    Field("ecs_task_arn", "text", "ECS task"),
    Field("ecs_task_id", "text", "ECS task id"),
    Field("reject_reason", "text", "BPA or EC"),
    Field("resource_id", "text", "resource when there is no interface, e.g. nat-…"),
    Field("encryption_status", "count", "0 clear, 1 Nitro, 2 application, 3 both"),
    Field("instance_tag", "tag", "value of the first tag key asked for, decoded"),
    Field("instance_tag_2", "tag", "value of the second tag key asked for, decoded"),
    Field("interface_tag", "tag", "value of the first tag key asked for, decoded"),
    Field("interface_tag_2", "tag", "value of the second tag key asked for, decoded"),
    Field("asg_tag", "tag", "value of the first tag key asked for, decoded"),
    Field("asg_tag_2", "tag", "value of the second tag key asked for, decoded"),
    Field("interface_type", "text", "nat_gateway, vpc_endpoint, …"),
    Field("next_hop_interface_id", "text", "receiving interface on egress, sending on ingress"),
    Field("next_hop_subnet_id", "text", "its subnet"),
    Field("next_hop_az_id", "text", "its availability zone id"),
    Field("next_hop_vpc_id", "text", "its VPC"),
    Field("next_hop_interface_type", "text", "its type"),
)

FIELD_NAMES = tuple(field.name for field in FIELDS)
ADDRESS_FIELDS = tuple(field.name for field in FIELDS if field.kind == "address")

# Into a VPC, for an OpenSearch domain there. From then on every request of the job leaves through
# that subnet: docs/organisation.md names the endpoints that it then needs.
locals {
  connection_arn = "arn:${local.partition}:glue:${local.here}:connection/${var.name}"
  ec2_arn        = "arn:${local.partition}:ec2:${local.here}:"

  # AWS Glue, "Setting up networking": the role makes and removes the interfaces of its workers.
  connection_statements = flatten([for wish in var.vpc_connection[*] : [
    {
      Sid      = "ReadConnection"
      Effect   = "Allow"
      Action   = ["glue:GetConnection"]
      Resource = ["arn:${local.partition}:glue:${local.here}:catalog", local.connection_arn]
    },
    {
      # EC2's describe calls know neither resources nor conditions of them.
      Sid    = "LookAtVpc"
      Effect = "Allow"
      Action = [
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
      ]
      Resource = ["*"]
    },
    {
      Sid    = "MakeInterfaces"
      Effect = "Allow"
      Action = ["ec2:CreateNetworkInterface"]
      Resource = concat(
        ["${local.ec2_arn}network-interface/*", "${local.ec2_arn}subnet/${wish.subnet_id}"],
        [for id in wish.security_group_ids : "${local.ec2_arn}security-group/${id}"],
      )
    },
    {
      Sid       = "RemoveInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:DeleteNetworkInterface"]
      Resource  = ["${local.ec2_arn}network-interface/*"]
      Condition = { ArnEquals = { "ec2:Subnet" = "${local.ec2_arn}subnet/${wish.subnet_id}" } }
    },
    {
      Sid       = "TagInterfaces"
      Effect    = "Allow"
      Action    = ["ec2:CreateTags", "ec2:DeleteTags"]
      Resource  = ["${local.ec2_arn}network-interface/*"]
      Condition = { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["aws-glue-service-resource"] } }
    },
  ]])
}

resource "aws_glue_connection" "vpc" {
  count = length(var.vpc_connection[*])

  name            = var.name
  description     = "Runs of ${var.name} reach ${var.vpc_connection.subnet_id}"
  connection_type = "NETWORK"
  tags            = var.tags

  physical_connection_requirements {
    availability_zone      = var.vpc_connection.availability_zone
    subnet_id              = var.vpc_connection.subnet_id
    security_group_id_list = var.vpc_connection.security_group_ids
  }
}

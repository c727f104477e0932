# For whoever runs `python -m jobs.collect_labels`; no role that traces has it.
resource "aws_iam_policy" "collect_labels" {
  name        = "${var.name}-collect-labels"
  description = "Describe calls of EC2 only, and the folder of labels"
  tags        = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # EC2's describe calls know neither resources nor conditions of them.
        Sid    = "Describe"
        Effect = "Allow"
        Action = [
          "ec2:DescribeInstances",
          "ec2:DescribeManagedPrefixLists",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
        ]
        Resource = ["*"]
      },
      {
        Sid      = "PrefixLists"
        Effect   = "Allow"
        Action   = ["ec2:GetManagedPrefixListEntries"]
        Resource = ["arn:${local.partition}:ec2:*:*:prefix-list/*"] # AWS's own lists have no account
      },
      {
        Sid       = "FindLabels"
        Effect    = "Allow"
        Action    = ["s3:ListBucket"]
        Resource  = ["${local.s3}${var.artifact_bucket}"]
        Condition = { StringLikeIfExists = { "s3:prefix" = ["labels", "labels/*"] } }
      },
      {
        Sid      = "WriteLabels"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = ["${local.s3}${var.artifact_bucket}/labels/*"]
      },
      ], [for arns in [var.label_role_arns] : {
        Sid      = "OtherAccounts"
        Effect   = "Allow"
        Action   = ["sts:AssumeRole"]
        Resource = arns
      } if length(arns) > 0
      ], [for wanted in [var.labels_from_config] : {
        Sid      = "WhatIsGone"
        Effect   = "Allow"
        Action   = ["config:GetResourceConfigHistory", "config:ListDiscoveredResources"]
        Resource = ["*"] # AWS Config has no resource for either
      } if wanted
      ], [for keys in [var.write_key_arns] : {
        Sid       = "KeysThroughS3"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = keys
        Condition = { StringEquals = { "kms:ViaService" = distinct([for arn in var.write_key_arns : local.via_s3[arn]]) } }
      } if length(keys) > 0
    ], local.organisation_statements)
  })
}

# What a run may do, whatever platform it is on. `trace` holds no write outside the prefix of cases.
locals {
  artifact_folders = ["vpc-flow-trace", "labels", "findings"]

  listed = {
    case = concat(
      local.own_sources,
      [for folder in local.artifact_folders : { bucket = var.artifact_bucket, prefix = folder }],
      [{ bucket = local.output_bucket, prefix = local.output_prefix }],
      local.case_tables,
    )
    ingest = concat(local.own_ingest_sources, [{ bucket = var.artifact_bucket, prefix = "labels" }], local.places.table)
  }

  # A request for names without a prefix is let through: S3 authorises HeadBucket, by which the job
  # finds a bucket's region, and its 404 for a missing key, as such a request. It tells names of
  # keys; every read of an object is bound to the prefix.
  list_statements = { for who, places in local.listed : who => [for bucket in sort(distinct(places[*].bucket)) : {
    Sid       = "List${substr(md5(bucket), 0, 8)}"
    Effect    = "Allow"
    Action    = ["s3:ListBucket"]
    Resource  = ["${local.s3}${bucket}"]
    Condition = { StringLikeIfExists = { "s3:prefix" = flatten([for place in places : place.prefix == "" ? ["*"] : [place.prefix, "${place.prefix}/*"] if place.bucket == bucket]) } }
  }] }

  source_statements = concat(local.assume_statements, [for sources in [local.own_sources] : {
    Sid      = "ReadFlowLogs"
    Effect   = "Allow"
    Action   = ["s3:GetObject", "s3:GetObjectVersion"]
    Resource = [for source in sources : join("/", compact(["${local.s3}${source.bucket}", source.prefix, "*"]))]
    } if length(sources) > 0], [
    {
      # Whatever another policy allows: flow logs are evidence.
      Sid       = "NeverChangeFlowLogs"
      Effect    = "Deny"
      NotAction = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]
      Resource  = flatten([for bucket in local.source_buckets : ["${local.s3}${bucket}", "${local.s3}${bucket}/*"]])
    },
  ])

  key_statements = concat([for each in local.through_s3.decrypt : {
    Sid       = "DecryptThroughS3${each.region}"
    Effect    = "Allow"
    Action    = ["kms:Decrypt"]
    Resource  = each.keys
    Condition = each.condition
    }
    ], [for each in local.through_s3.encrypt : {
      Sid       = "EncryptThroughS3${each.region}"
      Effect    = "Allow"
      Action    = ["kms:GenerateDataKey"]
      Resource  = each.keys
      Condition = each.condition
    }
  ])

  data_statements = concat(local.list_statements.case, local.source_statements, [
    {
      Sid      = "ReadArtifacts"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = [for folder in local.artifact_folders : "${local.s3}${var.artifact_bucket}/${folder}/*"]
    },
    {
      # Delta's log and the case's lock are read, replaced and taken away; large files go in parts.
      Sid      = "KeepCases"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
      Resource = ["${local.s3}${local.output_bucket}/${local.output_prefix}/*"]
    },
    ], [for table in local.case_tables : {
      Sid      = "ReadFlowTable"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.s3}${table.bucket}/${table.prefix}/*"]
    }
    ], local.key_statements, [for key in var.signing_key_arn[*] : {
      # `job` may sign; who verifies needs kms:Verify or kms:VerifyMac and kms:DescribeKey.
      Sid      = "SignManifests"
      Effect   = "Allow"
      Action   = ["kms:DescribeKey", "kms:GenerateMac", "kms:Sign"]
      Resource = [key]
    }
  ], local.opensearch_statements)

  # The requests of jobs/opensearch/index.py and opensearch_bulk.py; a domain's policies see paths.
  opensearch_statements = flatten([for target in local.opensearch[*] : target.secret_arn == null ? [
    { Sid = "GreetOpenSearch", Effect = "Allow", Action = ["es:ESHttpGet"], Resource = ["${target.domain_arn}/"] },
    {
      Sid      = "FlowIndices"
      Effect   = "Allow"
      Action   = ["es:ESHttpGet", "es:ESHttpPut", "es:ESHttpPost", "es:ESHttpDelete"]
      Resource = ["${target.domain_arn}/flows-*"]
    },
    # One step for readers, and a path that names no index: the role mapping of the domain's own
    # fine-grained access control bounds it to flows-* (see README).
    { Sid = "MoveAlias", Effect = "Allow", Action = ["es:ESHttpPost"], Resource = ["${target.domain_arn}/_aliases"] },
    ] : [
    { Sid = "OpenSearchPassword", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [target.secret_arn] },
  ]])
}

resource "aws_iam_policy" "trace" {
  name        = "${var.name}-trace"
  description = "What a run of VPC Flow Trace reads and writes; also for the instance profile of an EMR cluster"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.data_statements })
  tags        = var.tags
}

resource "aws_iam_role" "job" {
  name                 = "${var.name}-glue"
  description          = "Runs of the Glue job ${var.name}"
  assume_role_policy   = local.trusted["glue"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "job_trace" {
  role       = aws_iam_role.job.name
  policy_arn = aws_iam_policy.trace.arn
}

resource "aws_iam_role_policy" "job_glue" {
  name = "glue"
  role = aws_iam_role.job.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.glue_log_statements, [
      {
        Sid       = "Measure"
        Effect    = "Allow"
        Action    = ["cloudwatch:PutMetricData"]
        Resource  = ["*"] # has no resource; the namespace bounds it
        Condition = { StringEquals = { "cloudwatch:namespace" = "Glue" } }
      },
    ], local.connection_statements)
  })
}

locals {
  # What any job of Glue needs to log.
  glue_log_statements = concat([
    {
      Sid    = "Log"
      Effect = "Allow"
      Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      # Glue's own groups for what the driver prints, beside the one of this job.
      Resource = ["${local.log_arn}/aws-glue/jobs/*", "${local.log_arn}${local.log_group}:*"]
    },
    ], [for key in var.log_key_arn[*] : {
      # AWS Glue, "Setting up encryption": a role with a security configuration reads it and binds
      # the key to the log groups, whose names then end with that of the configuration.
      Sid      = "EncryptLogs"
      Effect   = "Allow"
      Action   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.log_arn}/aws-glue/jobs/*", "${local.log_arn}${local.log_group}*"]
    }
    ], [for key in var.log_key_arn[*] : {
      Sid      = "ReadSecurityConfiguration"
      Effect   = "Allow"
      Action   = ["glue:GetSecurityConfiguration"]
      Resource = ["*"] # Glue knows no resource for it
    }
  ])
}

locals {
  # AWS, "The confused deputy problem": a service takes a role only on behalf of this account.
  trusted = { for service in ["glue", "states", "events", "scheduler", "emr-serverless"] : service => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { Service = ["${service}.amazonaws.com"] }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  }) }
}

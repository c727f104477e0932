# Flow logs of another account, the log archive. What a run may do there has two halves: the policies
# of this account are roles.tf; the outputs here are what the archive's owner puts into theirs.
variable "read_role_arn" {
  type        = string
  default     = null
  description = "Role of the log archive that runs assume for reading flow logs (--read_role_arn); its two policies are in the output log_archive. null: runs read as themselves, and the bucket's policy lets them in."

  validation {
    condition     = var.read_role_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", var.read_role_arn))
    error_message = "Expected the ARN of one role, without wildcards."
  }
}

variable "requester_pays" {
  type        = bool
  default     = false
  description = "This account pays for the requests to the buckets of flow logs (--requester_pays true)."
}

variable "more_reader_arns" {
  type        = list(string)
  default     = []
  description = "Further roles that read the flow logs, such as that of an EMR cluster's instance profile or of a responder; for the output log_archive only."

  validation {
    condition     = alltrue([for arn in var.more_reader_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$", arn))])
    error_message = "Expected ARNs of roles, without wildcards."
  }
}

locals {
  read_arguments = merge(
    var.read_role_arn == null ? {} : { "--read_role_arn" = var.read_role_arn },
    var.requester_pays ? { "--requester_pays" = "true" } : {},
  )

  # Who assumes a role needs no permission of its own there.
  own_sources   = var.read_role_arn == null ? local.sources : []
  own_read_keys = var.read_role_arn == null ? var.read_key_arns : []

  assume_statements = [for arn in var.read_role_arn[*] : {
    Sid      = "ReadAsRole"
    Effect   = "Allow"
    Action   = ["sts:AssumeRole"]
    Resource = [arn]
  }]

  # A key serves the S3 of its own region, whichever region the job is in.
  via_s3 = { for arn in distinct(concat(var.read_key_arns, var.write_key_arns)) : arn => "s3.${split(":", arn)[3]}.${data.aws_partition.this.dns_suffix}" }

  through_s3 = { for kind, keys in { decrypt = distinct(concat(local.own_read_keys, var.write_key_arns)), encrypt = var.write_key_arns, read = var.read_key_arns } : kind => [
    for region in distinct([for arn in keys : split(":", arn)[3]]) : {
      region    = replace(region, "-", "")
      keys      = [for arn in keys : arn if split(":", arn)[3] == region]
      condition = { StringEquals = { "kms:ViaService" = "s3.${region}.${data.aws_partition.this.dns_suffix}" } }
    }
  ] }

  # Put together from names, as every ARN here.
  made_readers = concat(["${var.name}-glue"], [for made in var.emr_serverless[*] : "${var.name}-emr-serverless"], [for wish in var.ingest[*] : local.ingest_name if wish.on != "emr-step"])
  readers      = concat([for name in local.made_readers : "arn:${local.partition}:iam::${local.account}:role${var.role_path}${name}"], compact(local.ingest_step_role[*]), var.more_reader_arns)
  lets_in      = var.read_role_arn == null ? local.readers : [var.read_role_arn]

  listed_sources = concat(local.sources, length(var.ingest[*]) == 0 ? [] : local.places.ingest)
  archive_statements = { for bucket in local.source_buckets : bucket => [
    {
      Sid       = "VpcFlowTraceLists"
      Effect    = "Allow"
      Action    = ["s3:ListBucket"]
      Resource  = ["${local.s3}${bucket}"]
      Condition = { StringLikeIfExists = { "s3:prefix" = distinct(flatten([for source in local.listed_sources : source.prefix == "" ? ["*"] : [source.prefix, "${source.prefix}/*"] if source.bucket == bucket])) } }
    },
    {
      Sid      = "VpcFlowTraceReads"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = [for source in local.sources : join("/", compact(["${local.s3}${bucket}", source.prefix, "*"])) if source.bucket == bucket]
    },
  ] }
}

output "log_archive" {
  description = "What the account of the flow logs allows, as JSON. By bucket and by key: statements to add to their policies. With read_role_arn: the trust policy of that role, and the policy that lets it read."
  value = {
    bucket_policies = { for bucket, statements in local.archive_statements : bucket => jsonencode({
      Version   = "2012-10-17"
      Statement = [for statement in statements : merge(statement, { Principal = { AWS = local.lets_in } })]
    }) }

    key_policies = { for arn in var.read_key_arns : arn => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "VpcFlowTraceDecrypts"
        Effect    = "Allow"
        Principal = { AWS = local.lets_in }
        Action    = ["kms:Decrypt"]
        Resource  = ["*"] # the key that the policy is of
        Condition = { StringEquals = { "kms:ViaService" = local.via_s3[arn] } }
      }]
    }) }

    role_trust_policy = var.read_role_arn == null ? null : jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "VpcFlowTraceAssumes"
        Effect    = "Allow"
        Principal = { AWS = local.readers }
        Action    = ["sts:AssumeRole"]
      }]
    })

    role_policy = var.read_role_arn == null ? null : jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        flatten([for bucket, statements in local.archive_statements : [for statement in statements : merge(statement, { Sid = "${statement.Sid}${substr(md5(bucket), 0, 8)}" })]]),
        [for each in local.through_s3.read : {
          Sid       = "DecryptThroughS3${each.region}"
          Effect    = "Allow"
          Action    = ["kms:Decrypt"]
          Resource  = each.keys
          Condition = each.condition
        }],
      )
    })
  }
}

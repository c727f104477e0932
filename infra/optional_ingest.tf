# A flow table that fills itself: every flow record is read once, and cases then read the table.
variable "ingest" {
  type = object({
    flow_table        = string
    expression        = optional(string, "rate(1 hour)")
    late_days         = optional(number)
    keep_days         = optional(number)
    watch_list        = optional(string)
    on                = optional(string, "glue")
    worker_type       = optional(string)
    number_of_workers = optional(number, 4)
    timeout_minutes   = optional(number, 480)
    read_by_cases     = optional(bool, true)
    arguments         = optional(map(string), {})

    cluster_id         = optional(string)
    execution_role_arn = optional(string)
  })
  default     = null
  description = "Fill a flow table regularly, s3://bucket/prefix in a bucket that exists, from every account and region below flow_logs; the runs that findings start read it. read_by_cases = false where no case should read it. keep_days deletes older days of it; watch_list is a file in artifact_bucket with instances to watch; on = emr-serverless runs it on the application of emr_serverless; on = emr-step adds it as a step to cluster_id, whose instance profile, or execution_role_arn, gets the policy of output ingest."

  validation {
    condition     = var.ingest == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.'()/=-]*[A-Za-z0-9!_.'()=-]$", var.ingest.flow_table))
    error_message = "Expected flow_table to be s3://bucket/prefix without a slash at the end, so that the job may write there only."
  }

  validation {
    condition     = alltrue([for uri in var.flow_logs : try(split("/", uri)[2], "") != try(split("/", var.ingest.flow_table)[2], "-")])
    error_message = "Expected flow_table in another bucket than those of flow_logs: the job is denied every write to them."
  }

  validation {
    condition     = alltrue([for place in concat([var.output], [for folder in ["vpc-flow-trace", "labels", "findings"] : "s3://${var.artifact_bucket}/${folder}"]) : !startswith("${try(var.ingest.flow_table, "")}/", "${trimsuffix(place, "/")}/") && !startswith("${trimsuffix(place, "/")}/", "${try(var.ingest.flow_table, "")}/")])
    error_message = "Expected flow_table beside output and the folders of artifact_bucket, neither in them nor around them: who reads it must not change it."
  }

  validation {
    condition     = var.ingest == null || can(regex("^(cron|rate)[(].+[)]$", var.ingest.expression))
    error_message = "Expected expression to be cron(…) or rate(…)."
  }

  validation {
    condition     = alltrue([for days in try(var.ingest.late_days[*], []) : days >= 1 && days <= 3650 && floor(days) == days])
    error_message = "Expected late_days to be a whole number from 1 to 3650."
  }

  validation {
    condition     = alltrue([for days in try(var.ingest.keep_days[*], []) : days <= 36500 && floor(days) == days && days > coalesce(var.ingest.late_days, 3)])
    error_message = "Expected keep_days to be a whole number up to 36500 and more than late_days (3): what a run deletes would be read again."
  }

  validation {
    condition     = alltrue([for uri in try(var.ingest.watch_list[*], []) : can(regex("^s3://${var.artifact_bucket}/[A-Za-z0-9!_.'()/=-]+$", uri))])
    error_message = "Expected watch_list to be the URI of a file in artifact_bucket, without wildcards."
  }

  validation {
    condition     = var.ingest == null || contains(["glue", "emr-serverless", "emr-step"], try(var.ingest.on, "glue"))
    error_message = "Expected on to be glue, emr-serverless or emr-step."
  }

  validation {
    condition     = var.ingest == null || can(regex("^j-[A-Z0-9]+$", var.ingest.cluster_id)) == (try(var.ingest.on, "glue") == "emr-step")
    error_message = "Expected cluster_id to be the id of a cluster, j-…, with on = emr-step and only there."
  }

  validation {
    condition     = alltrue([for arn in try(var.ingest.execution_role_arn[*], []) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn)) && var.ingest.on == "emr-step"])
    error_message = "Expected execution_role_arn to be the ARN of one role, with on = emr-step."
  }

  validation {
    condition     = var.ingest == null || try(var.ingest.number_of_workers >= 2 && var.ingest.number_of_workers <= 299 && floor(var.ingest.number_of_workers) == var.ingest.number_of_workers, false)
    error_message = "Expected number_of_workers to be a whole number from 2 to 299."
  }

  validation {
    condition     = alltrue([for name in keys(try(var.ingest.arguments, {})) : can(regex("^--[A-Za-z][A-Za-z0-9_-]*$", name))])
    error_message = "Expected names of arguments that begin with --."
  }
}

locals {
  ingest_name = "${var.name}-ingest"
  ingest_arn  = "arn:${local.partition}:glue:${local.here}:job/${local.ingest_name}"

  # Of runs that a finding starts, and not of the job: `--scope everything`, as of the schedule, is
  # refused together with a flow table.
  case_arguments = { for wish in var.ingest[*] : "--flow_table" => wish.flow_table if wish.read_by_cases }
  case_tables    = [for table in local.places.table : table if length(local.case_arguments) > 0]

  own_ingest_sources = var.read_role_arn == null ? local.places.ingest : []

  # At most one of them has something in it.
  ingest_on = { for platform in ["glue", "emr-serverless", "emr-step"] : platform => [for wish in var.ingest[*] : wish if wish.on == platform] }

  ingest_flags = { for wish in var.ingest[*] : "all" => merge(
    {
      "--flow_logs"  = join(",", local.source_uris.ingest)
      "--flow_table" = wish.flow_table
      "--labels"     = local.own_uris.labels
      "--strict"     = "true"
    },
    local.read_arguments,
    { for days in wish.late_days[*] : "--late_days" => tostring(days) },
    { for days in wish.keep_days[*] : "--keep_days" => tostring(days) },
    { for uri in wish.watch_list[*] : "--watch_list" => uri },
    wish.arguments,
  ) }
  ingest_arguments = { for at, flags in local.ingest_flags : at => merge(
    local.package_arguments,
    { for name in ["--datalake-formats", "--conf"] : name => local.conf_arguments[name] },
    local.log_arguments,
    flags,
  ) }
}

resource "aws_glue_job" "ingest" {
  count = length(local.ingest_on["glue"])

  name              = local.ingest_name
  description       = "Every flow record once, into ${var.ingest.flow_table}"
  role_arn          = aws_iam_role.ingest[0].arn
  glue_version      = local.conf.GlueVersion
  worker_type       = coalesce(var.ingest.worker_type, local.conf.WorkerType)
  number_of_workers = var.ingest.number_of_workers
  max_retries       = 0
  execution_class   = "STANDARD"
  timeout           = var.ingest.timeout_minutes
  tags              = var.tags

  security_configuration = one(aws_glue_security_configuration.job[*].name)

  default_arguments = local.ingest_arguments["all"]

  # The table's lock would refuse the second.
  execution_property {
    max_concurrent_runs = 1
  }

  command {
    name            = local.conf.Command.Name
    python_version  = local.conf.Command.PythonVersion
    script_location = "${local.artifacts}/vpc-flow-trace/ingest_flows.py"
  }

  depends_on = [aws_cloudwatch_log_group.job]
}

# Without a watch-list. With one the schedule starts the state machine of optional_watch.tf.
resource "aws_scheduler_schedule" "ingest" {
  count = length(local.ingest_on["glue"]) - length(local.watches)

  name                = local.ingest_name
  description         = "What is new, into ${var.ingest.flow_table}"
  schedule_expression = var.ingest.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:glue:startJobRun"
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode({ JobName = local.ingest_name })

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

# A step runs as its cluster, or in a role that the cluster may give it: there is none to make.
resource "aws_iam_role" "ingest" {
  count = length(var.ingest[*]) - length(local.ingest_on["emr-step"])

  name                 = local.ingest_name
  description          = "Runs of the ingest ${local.ingest_name}"
  assume_role_policy   = local.trusted[var.ingest.on]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "ingest" {
  count = length(aws_iam_role.ingest)

  name   = "ingest"
  role   = aws_iam_role.ingest[0].id
  policy = local.ingest_policy
}

resource "aws_iam_policy" "ingest" {
  count = length(local.ingest_on["emr-step"])

  name        = local.ingest_name
  path        = var.role_path
  description = "Steps of the ingest ${local.ingest_name}: for the cluster or their own role"
  policy      = local.ingest_policy
  tags        = var.tags
}

# Reads the objects that a case may read; lists from the folder on that it walks.
locals {
  ingest_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(local.list_statements.ingest, local.source_statements, [
      {
        Sid      = "ReadArtifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for folder in ["vpc-flow-trace", "labels"] : "${local.s3}${var.artifact_bucket}/${folder}/*"]
      },
      ], [for uri in try(var.ingest.watch_list[*], []) : {
        Sid      = "ReadWatchList"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [replace(uri, "s3://", local.s3)]
      }
      ], [for table in local.places.table : {
        # Delta's log and the table's lock are read, replaced and taken away; large files go in parts.
        Sid      = "KeepFlowTable"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = ["${local.s3}${table.bucket}/${table.prefix}/*"]
      }
    ], local.key_statements, try(var.ingest.on, "") == "glue" ? local.glue_log_statements : [])
  })
}

output "ingest" {
  description = "The Glue job that fills the flow table (null on EMR), its role, or the policy to attach where a cluster's steps fill it, and the table for --flow_table of your own runs; null without."
  value = one([for wish in var.ingest[*] : {
    job_name   = one(aws_glue_job.ingest[*].name)
    role_arn   = one(aws_iam_role.ingest[*].arn)
    policy_arn = one(aws_iam_policy.ingest[*].arn)
    flow_table = wish.flow_table
  }])
}

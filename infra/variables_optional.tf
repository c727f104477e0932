variable "opensearch" {
  type = object({
    url        = string
    domain_arn = string
    secret_arn = optional(string)
  })
  default     = null
  description = "An Amazon OpenSearch domain that exists: its URL and ARN; requests are signed, or, with secret_arn, made with the user name and password in that secret."

  validation {
    condition     = var.opensearch == null || can(regex("^https://[a-z0-9.-]+$", var.opensearch.url))
    error_message = "Expected url to be https:// and a host name."
  }

  validation {
    condition     = var.opensearch == null || can(regex("^arn:[a-z-]+:es:[a-z0-9-]+:[0-9]{12}:domain/[a-z0-9-]+$", var.opensearch.domain_arn))
    error_message = "Expected domain_arn to be the ARN of one domain."
  }

  validation {
    condition     = try(var.opensearch.secret_arn, null) == null || can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^*]+$", var.opensearch.secret_arn))
    error_message = "Expected secret_arn to be the ARN of one secret."
  }
}

variable "opensearch_domain" {
  type = object({
    name           = string
    engine_version = optional(string, "OpenSearch_2.19")
    instance_type  = optional(string, "r7g.large.search")
    instance_count = optional(number, 1)
    volume_gb      = optional(number, 100)
  })
  default     = null
  description = "Make a domain and index into it. It costs money while it stands."

  validation {
    condition     = var.opensearch_domain == null || can(regex("^[a-z][a-z0-9-]{2,27}$", var.opensearch_domain.name))
    error_message = "Expected name to be 3 to 28 lower-case letters, digits and dashes."
  }

  validation {
    condition     = var.opensearch_domain == null || var.opensearch == null
    error_message = "Expected either opensearch (a domain that exists) or opensearch_domain (one to be made)."
  }
}

variable "evidence_bucket" {
  type = object({
    retention_days         = optional(number)
    retention_mode         = optional(string, "GOVERNANCE")
    keep_old_versions_days = optional(number, 3650)
    force_destroy          = optional(bool, false)
  })
  default     = null
  description = "Make the bucket of var.output, with Object Lock, versions, and no way in without TLS or from outside. retention_days locks every version for so long; null leaves locking to you, per case. {} takes the defaults."

  validation {
    condition     = var.evidence_bucket == null || contains(["GOVERNANCE", "COMPLIANCE"], try(var.evidence_bucket.retention_mode, ""))
    error_message = "Expected retention_mode GOVERNANCE or COMPLIANCE."
  }

  validation {
    condition     = try(var.evidence_bucket.retention_days, null) == null || try(var.evidence_bucket.retention_days >= 1, false)
    error_message = "Expected retention_days from 1 on."
  }
}

variable "emr_serverless" {
  type = object({
    release           = optional(string, "emr-7.13.0")
    architecture      = optional(string, "X86_64")
    idle_minutes      = optional(number, 15)
    most_vcpu         = optional(number, 64)
    most_memory_gb    = optional(number, 256)
    most_disk_gb      = optional(number, 2000)
    execution_minutes = optional(number, 120)
  })
  default     = null
  description = "Make an EMR Serverless application and its execution role; {} takes the defaults. It stops by itself and costs nothing stopped."

  validation {
    condition     = var.emr_serverless == null || contains(["X86_64", "ARM64"], try(var.emr_serverless.architecture, ""))
    error_message = "Expected architecture X86_64 or ARM64."
  }

  validation {
    condition     = var.emr_serverless == null || can(regex("^emr-7[.](1[1-9]|[2-9][0-9])[.][0-9]+$", var.emr_serverless.release))
    error_message = "Expected release emr-7.11.0 or a later emr-7: Spark 3.5.6 with Delta 3.3.2."
  }
}

variable "schedule" {
  type = object({
    expression = optional(string, "cron(0 2 * * ? *)")
    from       = optional(string, "now-25h")
    to         = optional(string, "now-1h")
    case_id    = optional(string, "daily")
    arguments  = optional(map(string), { "--scope" = "everything" })
  })
  default     = null
  description = "Run the Glue job regularly, in UTC, over times relative to the run; {} takes the defaults: every flow of the last day, at 02:00, an hour late."

  validation {
    condition     = var.schedule == null || can(regex("^(cron|rate)[(].+[)]$", var.schedule.expression))
    error_message = "Expected expression to be cron(…) or rate(…)."
  }

  validation {
    condition     = var.schedule == null || alltrue([for time in [try(var.schedule.from, ""), try(var.schedule.to, "")] : can(regex("^now(-[0-9]{1,5}[mhd])?$", time))])
    error_message = "Expected from and to such as now-25h and now-1h."
  }

  validation {
    condition     = var.schedule == null || can(regex("^[a-z0-9][a-z0-9-]{2,40}$", var.schedule.case_id))
    error_message = "Expected case_id to be 3 to 41 lower-case letters, digits and dashes."
  }
}

variable "emr_step_schedule" {
  type = object({
    cluster_id = string
    expression = optional(string, "cron(0 2 * * ? *)")
    from       = optional(string, "now-25h")
    to         = optional(string, "now-1h")
    case_id    = optional(string, "daily-emr")
    arguments  = optional(map(string), { "--scope" = "everything" })

    execution_role_arn = optional(string)
  })
  default     = null
  description = "Add conf/emr-step.json regularly to an EMR cluster that runs. Attach the policy of output trace_policy_arn to the cluster's instance profile, or to execution_role_arn, the runtime role of the step."

  validation {
    condition     = try(var.emr_step_schedule.execution_role_arn, null) == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", var.emr_step_schedule.execution_role_arn))
    error_message = "Expected execution_role_arn to be the ARN of one role."
  }

  validation {
    condition     = var.emr_step_schedule == null || can(regex("^j-[A-Z0-9]+$", var.emr_step_schedule.cluster_id))
    error_message = "Expected cluster_id to be the id of a cluster, j-…"
  }

  validation {
    condition     = var.emr_step_schedule == null || can(regex("^[a-z0-9][a-z0-9-]{2,40}$", var.emr_step_schedule.case_id))
    error_message = "Expected case_id to be 3 to 41 lower-case letters, digits and dashes."
  }
}

variable "artifact_bucket" {
  type        = string
  description = "Bucket with the job's script and packages (under vpc-flow-trace/), labels (labels/) and findings (findings/). It exists already."

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.artifact_bucket))
    error_message = "Expected the name of a bucket, without s3://."
  }
}

variable "flow_logs" {
  type        = list(string)
  description = "Prefixes of flow-log objects, as --flow_logs takes them, such as s3://my-flow-logs/AWSLogs/111122223333/vpcflowlogs/eu-west-1, or of an organisation s3://my-flow-logs/AWSLogs/{account}/vpcflowlogs/{region}."

  validation {
    condition     = length(var.flow_logs) > 0 && alltrue([for uri in var.flow_logs : can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?,]+)?$", uri))])
    error_message = "Expected one or more of s3://bucket/prefix, without wildcards and commas."
  }

  validation {
    condition     = alltrue([for uri in var.flow_logs : try(split("/", uri)[2], "") != var.artifact_bucket])
    error_message = "Expected another bucket than artifact_bucket: the job is denied every write to a bucket of flow logs."
  }
}

variable "output" {
  type        = string
  description = "Where cases go, as --output takes it, such as s3://my-cases/cases. The bucket exists already, or is made with evidence_bucket."

  validation {
    condition     = can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[^*?,]+$", var.output))
    error_message = "Expected s3://bucket/prefix with a prefix, so that the job may write there only."
  }

  validation {
    condition     = alltrue([for uri in var.flow_logs : try(split("/", uri)[2], "") != try(split("/", var.output)[2], "-")])
    error_message = "Expected another bucket than those of flow_logs: the job is denied every write to them."
  }
}

variable "name" {
  type        = string
  default     = "vpc-flow-trace"
  description = "Name of the job, and the start of every other name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.name))
    error_message = "Expected 3 to 32 lower-case letters, digits and dashes, a letter first."
  }
}

variable "number_of_workers" {
  type        = number
  default     = null
  description = "Workers of the Glue job; null takes conf/glue-job.json's."

  validation {
    condition     = var.number_of_workers == null || try(var.number_of_workers >= 2 && var.number_of_workers <= 299 && floor(var.number_of_workers) == var.number_of_workers, false)
    error_message = "Expected a whole number from 2 to 299."
  }
}

variable "job_arguments" {
  type        = map(string)
  default     = {}
  description = "More default arguments of the job, such as {\"--expected_peers\" = \"10.0.0.2\"}; they win over conf/glue-job.json. Never a secret."

  validation {
    condition     = alltrue([for name in keys(var.job_arguments) : can(regex("^--[A-Za-z][A-Za-z0-9_-]*$", name))])
    error_message = "Expected names that begin with --."
  }
}

variable "least_severity" {
  type        = number
  default     = 4
  description = "GuardDuty findings below this severity start nothing: 1 low, 4 medium, 7 high, 9 critical."

  validation {
    condition     = var.least_severity >= 1 && var.least_severity <= 10
    error_message = "Expected a number from 1 to 10."
  }
}

variable "notify_email" {
  type        = string
  default     = null
  description = "Address that hears of every end of a run; AWS asks it to confirm. null: subscribe to the topic yourself."

  validation {
    condition     = var.notify_email == null || can(regex("^[^@\\s]+@[^@\\s]+$", var.notify_email))
    error_message = "Expected an e-mail address."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 365
  description = "How long CloudWatch keeps the job's log."

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Expected a number of days that CloudWatch knows, such as 90 or 365."
  }
}

variable "read_key_arns" {
  type        = list(string)
  default     = []
  description = "KMS keys that flow logs are encrypted with. Empty: the roles get no KMS action for them."

  validation {
    condition     = alltrue([for arn in var.read_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "Expected ARNs of keys (not aliases), without wildcards."
  }
}

variable "write_key_arns" {
  type        = list(string)
  default     = []
  description = "KMS keys that the artifact bucket and the bucket of cases are encrypted with, where they are not SSE-S3."

  validation {
    condition     = alltrue([for arn in var.write_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))])
    error_message = "Expected ARNs of keys (not aliases), without wildcards."
  }
}

variable "topic_key" {
  type        = string
  default     = "alias/aws/sns"
  description = "KMS key of the SNS topic. AWS's own costs nothing; with a key of yours, allow the role of the state machine kms:GenerateDataKey and kms:Decrypt in its policy."
}

variable "label_role_arns" {
  type        = list(string)
  default     = []
  description = "Roles in other accounts that collect_labels may assume (--role_arns)."

  validation {
    condition     = alltrue([for arn in var.label_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "Expected ARNs of roles, without wildcards."
  }
}

variable "labels_from_config" {
  type        = bool
  default     = false
  description = "Also allow collect_labels to ask AWS Config for what is gone (--config_history true)."
}

variable "role_path" {
  type        = string
  default     = "/"
  description = "Path of every role, where an organisation wants one, such as /incident-response/."

  validation {
    condition     = can(regex("^/([A-Za-z0-9_+=,.@-]+/)*$", var.role_path))
    error_message = "Expected a path that begins and ends with a slash."
  }
}

variable "permissions_boundary" {
  type        = string
  default     = null
  description = "ARN of the policy that bounds every role, where an organisation demands one."

  validation {
    condition     = var.permissions_boundary == null || can(regex("^arn:[a-z-]+:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary))
    error_message = "Expected the ARN of a policy."
  }
}

variable "log_key_arn" {
  type        = string
  default     = null
  description = "KMS key of the log groups, those that Glue makes included (by a security configuration). Its policy has to allow logs.REGION.amazonaws.com to use it."

  validation {
    condition     = var.log_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.log_key_arn))
    error_message = "Expected the ARN of a key (not of an alias)."
  }
}

variable "signing_key_arn" {
  type        = string
  default     = null
  description = "KMS key that signs the manifest of every case (--sign_with): asymmetric (SIGN_VERIFY) or HMAC (GENERATE_VERIFY_MAC)."

  validation {
    condition     = var.signing_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.signing_key_arn))
    error_message = "Expected the ARN of a key (not of an alias)."
  }
}

variable "state_machine_log_level" {
  type        = string
  default     = "ERROR"
  description = "What the state machine logs: OFF, FATAL, ERROR or ALL; never the findings themselves."

  validation {
    condition     = contains(["OFF", "FATAL", "ERROR", "ALL"], var.state_machine_log_level)
    error_message = "Expected OFF, FATAL, ERROR or ALL."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that can have some."
}

variable "finding_accounts" {
  type        = set(string)
  default     = []
  description = "Accounts that may hand their GuardDuty findings to the default event bus here: that of the delegated administrator, where it is another one."

  validation {
    condition     = alltrue([for id in var.finding_accounts : can(regex("^[0-9]{12}$", id))])
    error_message = "Expected ids of accounts, 12 digits each."
  }
}

variable "collect_labels" {
  type = object({
    expression        = optional(string, "rate(1 hour)")
    regions           = list(string)
    organization_role = optional(string)
    aggregator        = optional(string)
    aws_ranges        = optional(string)
    timeout_minutes   = optional(number, 60)
  })
  default     = null
  description = "Collect labels regularly into labels/ of the artifact bucket: of this account; with organization_role of every active account of the organisation, through a role of that name; or with aggregator of what an aggregator of AWS Config in the first region knows. aws_ranges is a copy of AWS's ip-ranges.json on S3."

  validation {
    condition     = var.collect_labels == null || can(regex("^(cron|rate)[(].+[)]$", var.collect_labels.expression))
    error_message = "Expected expression to be cron(…) or rate(…)."
  }

  validation {
    condition     = var.collect_labels == null || try(length(var.collect_labels.regions) > 0 && alltrue([for region in var.collect_labels.regions : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$", region))]), false)
    error_message = "Expected one or more regions such as eu-west-1."
  }

  validation {
    condition     = var.collect_labels == null || can(regex("^[A-Za-z0-9_+=,.@-]+$", coalesce(try(var.collect_labels.organization_role, null), "none")))
    error_message = "Expected organization_role to be the name of a role, without a path and without wildcards."
  }

  validation {
    condition     = var.collect_labels == null || length(compact([try(var.collect_labels.organization_role, ""), try(var.collect_labels.aggregator, ""), join("", var.label_role_arns)])) < 2
    error_message = "Expected one of organization_role, aggregator and label_role_arns."
  }
}

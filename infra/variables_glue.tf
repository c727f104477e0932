variable "worker_type" {
  type        = string
  default     = null
  description = "Type of the Glue job's workers, such as G.1X or G.2X; null takes conf/glue-job.json's. Provider 5 knows no R types."

  validation {
    condition     = var.worker_type == null || can(regex("^[GR][.][0-9]{1,2}X$", var.worker_type))
    error_message = "Expected a type of worker that runs Spark, such as G.1X, G.2X or R.1X."
  }
}

variable "auto_scaling" {
  type        = bool
  default     = false
  description = "Let Glue take away workers that are idle; number_of_workers is then the most."
}

variable "vpc_connection" {
  type = object({
    subnet_id          = string
    security_group_ids = list(string)
    availability_zone  = string
  })
  default     = null
  description = "Run the Glue job inside a subnet, to reach an OpenSearch domain there. It needs endpoints for everything else: see docs/organisation.md."

  validation {
    condition     = var.vpc_connection == null || can(regex("^subnet-[0-9a-f]{8,17}$", var.vpc_connection.subnet_id))
    error_message = "Expected subnet_id to be the id of a subnet, subnet-…"
  }

  validation {
    condition     = var.vpc_connection == null || try(length(var.vpc_connection.security_group_ids) > 0 && alltrue([for id in var.vpc_connection.security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))]), false)
    error_message = "Expected one or more ids of security groups, sg-…; one of them has to let its own members in, on every TCP port."
  }
}

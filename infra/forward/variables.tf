variable "to" {
  type = object({
    bus_arn       = string
    event_pattern = string
  })
  description = "Output `forward` of the module in the home region."

  validation {
    condition     = can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9._/-]+$", var.to.bus_arn))
    error_message = "Expected bus_arn to be the ARN of one event bus."
  }
}

variable "name" {
  type        = string
  default     = "vpc-flow-trace"
  description = "Start of every name."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,31}$", var.name))
    error_message = "Expected 3 to 32 lower-case letters, digits and dashes, a letter first."
  }
}

variable "role_path" {
  type        = string
  default     = "/"
  description = "Path of the role."
}

variable "permissions_boundary" {
  type        = string
  default     = null
  description = "ARN of the policy that bounds the role."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that can have some."
}

variable "functions" {
  description = "Functions by what they do: name, role, package as the artefacts' index says, size and time."
  type = map(object({
    name            = string
    description     = string
    role_arn        = string
    package         = object({ path = string, sha256 = string })
    memory_mb       = optional(number, 512)
    timeout_seconds = optional(number, 300)
  }))
  nullable = false

  validation {
    condition     = alltrue([for function in values(var.functions) : function.timeout_seconds >= 1 && function.timeout_seconds <= 900])
    error_message = "timeout_seconds must be from 1 to 900, which are Lambda's limits."
  }

  validation {
    condition     = alltrue([for function in values(var.functions) : function.memory_mb >= 128 && function.memory_mb <= 10240])
    error_message = "memory_mb must be from 128 to 10240, which are Lambda's limits."
  }
}

variable "environment" {
  description = "What every function is told."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.environment) : value != null])
    error_message = "environment must not have null entries."
  }
}

variable "key_arn" {
  description = "Key that encrypts environments and logs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.key_arn, "arn:")
    error_message = "key_arn must be an ARN."
  }
}

variable "dead_letter_queue_arn" {
  description = "Queue that takes asynchronous calls that failed."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.dead_letter_queue_arn, "arn:")
    error_message = "dead_letter_queue_arn must be an ARN."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.log_retention_days >= 1
    error_message = "log_retention_days must be at least 1."
  }
}

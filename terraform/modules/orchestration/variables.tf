variable "name" {
  description = "Name of the state machine, and prefix of its rules."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "definition_file" {
  description = "The state machine's template (Amazon States Language, JSONata)."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists(var.definition_file)
    error_message = "definition_file does not exist."
  }
}

variable "definition_variables" {
  description = "What the template is filled with; all strings, objects and lists as JSON."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.definition_variables) : value != null])
    error_message = "definition_variables must not have null entries."
  }
}

variable "state_machine_role_arn" {
  description = "Role of the state machine."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.state_machine_role_arn, "arn:")
    error_message = "state_machine_role_arn must be an ARN."
  }
}

variable "events_role_arn" {
  description = "Role with which EventBridge starts runs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.events_role_arn, "arn:")
    error_message = "events_role_arn must be an ARN."
  }
}

variable "end_run_arn" {
  description = "Function that cleans up behind a run."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.end_run_arn, "arn:")
    error_message = "end_run_arn must be an ARN."
  }
}

variable "bucket_name" {
  description = "The data bucket."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.bucket_name) > 0
    error_message = "bucket_name must not be empty."
  }
}

variable "input_prefix" {
  description = "Folder of the bucket whose changes start a run."
  type        = string
  nullable    = false

  validation {
    condition     = endswith(var.input_prefix, "/")
    error_message = "input_prefix must end with a slash, or names that begin alike would start runs too."
  }
}

variable "ledger_table_name" {
  description = "Name of the table with the lease and the runs."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.ledger_table_name) > 0
    error_message = "ledger_table_name must not be empty."
  }
}

variable "dead_letter_queue_name" {
  description = "Name of the queue for events and calls that failed."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.dead_letter_queue_name) > 0
    error_message = "dead_letter_queue_name must not be empty."
  }
}

variable "key_arn" {
  description = "Key that encrypts the ledger and the logs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.key_arn, "arn:")
    error_message = "key_arn must be an ARN."
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

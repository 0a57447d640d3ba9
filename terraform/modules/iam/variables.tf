variable "name" {
  description = "Prefix of the roles' names, and the Project tag that makes a cluster the project's own."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "prefix" {
  description = "The contract's prefix: the folder of the data bucket that holds the data set."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.prefix) > 0
    error_message = "prefix must not be empty."
  }
}

variable "bucket_arn" {
  description = "ARN of the data bucket."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.bucket_arn, "arn:")
    error_message = "bucket_arn must be an ARN."
  }
}

variable "log_bucket_arn" {
  description = "ARN of the log bucket."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.log_bucket_arn, "arn:")
    error_message = "log_bucket_arn must be an ARN."
  }
}

variable "key_arn" {
  description = "ARN of the key that encrypts the data."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.key_arn, "arn:")
    error_message = "key_arn must be an ARN."
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

variable "topic_name" {
  description = "Name of the topic that takes notices."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.topic_name) > 0
    error_message = "topic_name must not be empty."
  }
}

variable "state_machine_name" {
  description = "Name of the state machine."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.state_machine_name) > 0
    error_message = "state_machine_name must not be empty."
  }
}

variable "function_names" {
  description = "Names of the Lambda functions by what they do."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["plan_run", "compare_runs", "publish_outputs", "generate_manifests", "validate_manifests", "end_run"], keys(var.function_names))) == 0
    error_message = "function_names must name plan_run, compare_runs, publish_outputs, generate_manifests, validate_manifests and end_run."
  }
}

variable "dead_letter_queue_name" {
  description = "Name of the queue for asynchronous calls that failed."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.dead_letter_queue_name) > 0
    error_message = "dead_letter_queue_name must not be empty."
  }
}

variable "job_names" {
  description = "Names of the Glue jobs."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for value in var.job_names : length(value) > 0])
    error_message = "job_names must not have empty entries."
  }
}

variable "connection_name" {
  description = "Name of the Glue jobs' network connection."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.connection_name) > 0
    error_message = "connection_name must not be empty."
  }
}

variable "subnet_ids" {
  description = "Subnets that Glue jobs may join."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for value in var.subnet_ids : length(value) > 0])
    error_message = "subnet_ids must not have empty entries."
  }
}

variable "glue_security_group_id" {
  description = "Security group of Glue jobs."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.glue_security_group_id) > 0
    error_message = "glue_security_group_id must not be empty."
  }
}

variable "session_manager" {
  description = "Whether EMR nodes may be reached through Session Manager."
  type        = bool
  default     = false
  nullable    = false
}

variable "quicksight" {
  description = "Whether QuickSight may read what is published."
  type        = bool
  default     = false
  nullable    = false
}

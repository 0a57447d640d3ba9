variable "name" {
  description = "Prefix of the roles' names, and the Project tag that makes a cluster the project's own."
  type        = string
  nullable    = false
}

variable "prefix" {
  description = "The contract's prefix: the folder of the data bucket that holds the data set."
  type        = string
  nullable    = false
}

variable "bucket_arn" {
  description = "ARN of the data bucket."
  type        = string
  nullable    = false
}

variable "log_bucket_arn" {
  description = "ARN of the log bucket."
  type        = string
  nullable    = false
}

variable "key_arn" {
  description = "ARN of the key that encrypts the data."
  type        = string
  nullable    = false
}

variable "ledger_table_name" {
  description = "Name of the table with the lease and the runs."
  type        = string
  nullable    = false
}

variable "topic_name" {
  description = "Name of the topic that takes notices."
  type        = string
  nullable    = false
}

variable "state_machine_name" {
  description = "Name of the state machine."
  type        = string
  nullable    = false
}

variable "function_names" {
  description = "Names of the Lambda functions by what they do."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["plan_run", "publish_outputs", "generate_manifests", "validate_manifests", "end_run"], keys(var.function_names))) == 0
    error_message = "function_names must name plan_run, publish_outputs, generate_manifests, validate_manifests and end_run."
  }
}

variable "dead_letter_queue_name" {
  description = "Name of the queue for asynchronous calls that failed."
  type        = string
  nullable    = false
}

variable "job_names" {
  description = "Names of the Glue jobs."
  type        = list(string)
  nullable    = false
}

variable "connection_name" {
  description = "Name of the Glue jobs' network connection."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets that Glue jobs may join."
  type        = list(string)
  nullable    = false
}

variable "glue_security_group_id" {
  description = "Security group of Glue jobs."
  type        = string
  nullable    = false
}

variable "session_manager" {
  description = "Whether EMR nodes may be reached through Session Manager."
  type        = bool
  default     = false
  nullable    = false
}

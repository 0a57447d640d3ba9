variable "name" {
  description = "Name of the state machine, and prefix of its rules."
  type        = string
}

variable "definition_file" {
  description = "The state machine's template (Amazon States Language, JSONata)."
  type        = string
}

variable "definition_variables" {
  description = "Values for the template's variables: strings, with objects and lists as JSON."
  type        = map(string)
}

variable "state_machine_role_arn" {
  description = "Role of the state machine."
  type        = string
}

variable "events_role_arn" {
  description = "Role with which EventBridge starts runs."
  type        = string
}

variable "end_run_arn" {
  description = "Function that ends a run."
  type        = string
}

variable "bucket_name" {
  description = "The data bucket."
  type        = string
}

variable "input_prefix" {
  description = "Folder of the bucket whose changes start a run."
  type        = string
}

variable "ledger_table_name" {
  description = "Name of the table with the lease and the runs."
  type        = string
}

variable "dead_letter_queue_name" {
  description = "Name of the queue for events and calls that failed."
  type        = string
}

variable "key_arn" {
  description = "Key that encrypts the ledger and the logs."
  type        = string
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
}

variable "name" {
  description = "Prefix of the alarms' names; name of the dashboard and the budget."
  type        = string
}

variable "topic_name" {
  description = "Name of the topic that takes notices."
  type        = string
}

variable "emails" {
  description = "Addresses that get the notices. AWS asks each of them to confirm."
  type        = list(string)
}

variable "key_arn" {
  description = "Key that encrypts notices."
  type        = string
}

variable "state_machine_arn" {
  description = "The state machine that is watched."
  type        = string
}

variable "dead_letter_queue_name" {
  description = "The queue that should be empty."
  type        = string
}

variable "function_names" {
  description = "Names of the functions, by function."
  type        = map(string)
}

variable "transient_clusters" {
  description = "True if clusters end with their run, so that an old one raises an alarm."
  type        = bool
}

variable "cluster_age_minutes" {
  description = "Age at which a transient cluster raises the alarm."
  type        = number
}

variable "links" {
  description = "Console links for the dashboard, by title."
  type        = map(string)
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars, or null for none."
  type        = number
}

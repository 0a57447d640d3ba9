variable "name" {
  description = "Prefix of the alarms' names; name of the dashboard and the budget."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
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

variable "emails" {
  description = "Addresses that get the notices. AWS asks each of them to confirm."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "emails must be e-mail addresses."
  }
}

variable "key_arn" {
  description = "Key that encrypts notices."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.key_arn, "arn:")
    error_message = "key_arn must be an ARN."
  }
}

variable "state_machine_arn" {
  description = "The state machine that is watched."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.state_machine_arn, "arn:")
    error_message = "state_machine_arn must be an ARN."
  }
}

variable "dead_letter_queue_name" {
  description = "The queue that should be empty."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.dead_letter_queue_name) > 0
    error_message = "dead_letter_queue_name must not be empty."
  }
}

variable "function_names" {
  description = "Names of the functions by what they do."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.function_names) : value != null])
    error_message = "function_names must not have null entries."
  }
}

variable "transient_clusters" {
  description = "Whether clusters should be gone after a run, so that an old one is worth an alarm."
  type        = bool
  nullable    = false
}

variable "cluster_age_minutes" {
  description = "Age at which a transient cluster raises the alarm."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.cluster_age_minutes >= 15 && var.cluster_age_minutes <= 180 && var.cluster_age_minutes % 5 == 0
    error_message = "cluster_age_minutes must be from 15 to 180 in steps of 5: EMR reports every 5 minutes, and CloudWatch looks back 3 hours."
  }
}

variable "links" {
  description = "Console links for the dashboard, by title."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.links) : value != null])
    error_message = "links must not have null entries."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars, or null for none."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd must be more than 0, or null for no budget."
  }

  validation {
    condition     = var.monthly_budget_usd == null || length(var.emails) > 0
    error_message = "A budget that tells nobody is none: give emails too."
  }
}

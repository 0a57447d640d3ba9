variable "functions" {
  description = "Functions by key: name, role, package as storage uploaded it, size and time."
  type = map(object({
    name            = string
    description     = string
    role_arn        = string
    package         = object({ key = string, version = string, sha256 = string })
    memory_mb       = optional(number, 512)
    timeout_seconds = optional(number, 300)
  }))
  nullable = false
}

variable "environment" {
  description = "Environment variables of every function."
  type        = map(string)
}

variable "bucket_name" {
  description = "Bucket that holds the packages."
  type        = string
}

variable "key_arn" {
  description = "Key that encrypts environments and logs."
  type        = string
}

variable "dead_letter_queue_arn" {
  description = "Queue that takes asynchronous calls that failed."
  type        = string
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
}

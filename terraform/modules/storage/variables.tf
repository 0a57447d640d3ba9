variable "name" {
  description = "Name of the key's alias."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "bucket_name" {
  description = "Name of the data bucket. S3 names are unique across all accounts."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "log_bucket_name" {
  description = "Name of the log bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.log_bucket_name))
    error_message = "log_bucket_name must be 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }

  validation {
    condition     = var.log_bucket_name != var.bucket_name
    error_message = "log_bucket_name must differ from bucket_name: a bucket that logs to itself never comes to rest."
  }
}

variable "force_destroy" {
  description = "Whether `terraform destroy` may delete buckets that still hold objects."
  type        = bool
  default     = false
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days for which replaced and deleted versions of an object are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number from 1."
  }
}

variable "log_retention_days" {
  description = "Days for which log files are kept."
  type        = number
  nullable    = false

  validation {
    condition     = var.log_retention_days >= 1 && floor(var.log_retention_days) == var.log_retention_days
    error_message = "log_retention_days must be a whole number from 1."
  }
}

variable "artefacts" {
  description = "Objects to upload, by their key below artefacts/: where the file lies, and the hash that decides whether it has changed."
  type        = map(object({ path = string, sha256 = string }))
  nullable    = false

  validation {
    condition     = alltrue([for artefact in values(var.artefacts) : can(regex("^[0-9a-f]{64}$", artefact.sha256))])
    error_message = "Each artefact's sha256 must be 64 hexadecimal digits; `make package` writes them."
  }
}

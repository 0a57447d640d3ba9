variable "name" {
  description = "Name of the key's alias."
  type        = string
}

variable "bucket_name" {
  description = "Name of the data bucket. S3 names are unique across all accounts."
  type        = string
}

variable "log_bucket_name" {
  description = "Name of the log bucket."
  type        = string
}

variable "force_destroy" {
  description = "True to let `terraform destroy` delete buckets that still hold objects."
  type        = bool
}

variable "noncurrent_days" {
  description = "Days for which replaced and deleted versions of an object are kept."
  type        = number
  default     = 30
}

variable "log_retention_days" {
  description = "Days for which log files are kept."
  type        = number
}

variable "artefacts" {
  description = "Objects to upload, by key below artefacts/: the file, and the hash that decides if it has changed."
  type        = map(object({ path = string, sha256 = string }))

  validation {
    condition     = alltrue([for artifact in values(var.artefacts) : can(regex("^[0-9A-Za-z+/]{43}=$", artifact.sha256))])
    error_message = "Each artifact's sha256 must be in base64; `make package` writes them."
  }
}

variable "serverless" {
  description = "True to let EMR Serverless encrypt the logs of its jobs with the key."
  type        = bool
}

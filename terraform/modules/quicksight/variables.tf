variable "name" {
  description = "Prefix of all ids."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "template_url" {
  description = "Address of the template, which the build derives from the contract."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.template_url, "https://") && endswith(var.template_url, ".json")
    error_message = "template_url must be the https address of a .json file."
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

variable "role_arn" {
  description = "Role with which QuickSight reads manifests and outputs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.role_arn, "arn:")
    error_message = "role_arn must be an ARN."
  }
}

variable "owner_arn" {
  description = "QuickSight user that owns everything."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.owner_arn, "arn:")
    error_message = "owner_arn must be an ARN."
  }
}

variable "readers_arn" {
  description = "QuickSight group that may look at the dashboard, or an empty string for nobody."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.readers_arn == "" || startswith(var.readers_arn, "arn:")
    error_message = "readers_arn must be an ARN or empty."
  }
}

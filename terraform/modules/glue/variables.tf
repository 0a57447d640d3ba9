variable "name" {
  description = "Name of the security configuration; what the descriptions call the project."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "database_name" {
  description = "Catalog database of the published outputs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database_name))
    error_message = "database_name may have lower-case letters, digits and underscores."
  }
}

variable "tables" {
  description = "Tables as the contract derives them: name, location below the bucket, typed columns, parameters."
  type = list(object({
    name     = string
    location = string
    columns = list(object({
      name    = string
      type    = string
      comment = optional(string)
    }))
    parameters       = optional(map(string), {})
    serde_parameters = optional(map(string), {})
  }))
  nullable = false

  validation {
    condition     = length(var.tables) == length(distinct(var.tables[*].name))
    error_message = "Two tables have the same name."
  }

  validation {
    condition     = alltrue([for table in var.tables : length(table.columns) > 0 && endswith(table.location, "/")])
    error_message = "Each table needs columns, and a location that ends with a slash: a folder, not an object."
  }
}

variable "rulesets" {
  description = "Rulesets of Glue Data Quality as the contract derives them, by the tables that they are about; any other name is no table's."
  type        = map(string)
  nullable    = false

  validation {
    condition     = alltrue([for text in values(var.rulesets) : startswith(text, "Rules = [")])
    error_message = "A ruleset is a document of DQDL: Rules = [ ... ]."
  }
}

variable "jobs" {
  description = "Jobs by what they do: name, description, and the script's key below the artefacts."
  type        = map(object({ name = string, description = string, script = string }))
  nullable    = false

  validation {
    condition     = alltrue([for job in values(var.jobs) : endswith(job.script, ".py")])
    error_message = "A job's script must be a Python file (.py)."
  }
}

variable "worker_type" {
  description = "Size of a job's workers."
  type        = string
  default     = "G.1X"
  nullable    = false

  validation {
    condition     = contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.worker_type)
    error_message = "worker_type must be G.1X, G.2X, G.4X or G.8X."
  }
}

variable "workers" {
  description = "Number of a job's workers, the driver included."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.workers >= 2 && floor(var.workers) == var.workers
    error_message = "workers must be a whole number from 2, which is Glue's least."
  }
}

variable "timeout_minutes" {
  description = "Minutes after which a job is stopped."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 2880
    error_message = "timeout_minutes must be from 1 to 2880."
  }
}

variable "role_arn" {
  description = "Role of the jobs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.role_arn, "arn:")
    error_message = "role_arn must be an ARN."
  }
}

variable "key_arn" {
  description = "Key that encrypts what jobs write and log."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.key_arn, "arn:")
    error_message = "key_arn must be an ARN."
  }
}

variable "connection_name" {
  description = "Name of the network connection."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.connection_name) > 0
    error_message = "connection_name must not be empty."
  }
}

variable "subnet_id" {
  description = "Private subnet of the jobs."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.subnet_id) > 0
    error_message = "subnet_id must not be empty."
  }
}

variable "availability_zone" {
  description = "Zone of that subnet."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.availability_zone) > 0
    error_message = "availability_zone must not be empty."
  }
}

variable "security_group_id" {
  description = "Security group of the jobs; its members may talk to each other."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.security_group_id) > 0
    error_message = "security_group_id must not be empty."
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

variable "prefix" {
  description = "The contract's prefix: the folder of the bucket that holds the data set."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.prefix) > 0
    error_message = "prefix must not be empty."
  }
}

variable "artefacts_uri" {
  description = "Where the artefacts lie, without a slash at the end."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.artefacts_uri, "s3://")
    error_message = "artefacts_uri must be an S3 URI."
  }
}

variable "contract_uri" {
  description = "The uploaded contract."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.contract_uri, "s3://")
    error_message = "contract_uri must be an S3 URI."
  }
}

variable "module_keys" {
  description = "Wheels that the jobs install, in order, as keys below the artefacts; complete with what they depend on."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for key in var.module_keys : endswith(key, ".whl")])
    error_message = "module_keys must be wheels (.whl)."
  }
}

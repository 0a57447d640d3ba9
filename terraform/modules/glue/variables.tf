variable "name" {
  description = "Name of the security configuration, and of the project in descriptions."
  type        = string
}

variable "database_name" {
  description = "Catalog database of the published outputs."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database_name))
    error_message = "database_name may have lower-case letters, digits and underscores."
  }
}

variable "tables" {
  description = "Tables that follow from the contract: name, location below the bucket, typed columns, parameters."
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
  description = "Rulesets of Glue Data Quality that follow from the contract, by table; `input` is for the accepted rows."
  type        = map(string)

  validation {
    condition     = alltrue([for text in values(var.rulesets) : startswith(text, "Rules = [")])
    error_message = "A ruleset is a document of DQDL: Rules = [ ... ]."
  }
}

variable "jobs" {
  description = "Jobs by key: name, description, and the script's key below the artifacts."
  type        = map(object({ name = string, description = string, script = string }))
}

variable "worker_type" {
  description = "Size of a job's workers."
  type        = string
}

variable "workers" {
  description = "Number of a job's workers, the driver included."
  type        = number
}

variable "timeout_minutes" {
  description = "Minutes after which a job is stopped."
  type        = number
}

variable "role_arn" {
  description = "Role of the jobs."
  type        = string
}

variable "key_arn" {
  description = "Key that encrypts what jobs write and log."
  type        = string
}

variable "connection_name" {
  description = "Name of the network connection."
  type        = string
}

variable "subnet_id" {
  description = "Private subnet of the jobs."
  type        = string
}

variable "availability_zone" {
  description = "Zone of that subnet."
  type        = string
}

variable "security_group_id" {
  description = "Security group of the jobs; its members may talk to each other."
  type        = string
}

variable "bucket_name" {
  description = "The data bucket."
  type        = string
}

variable "athena_results_uri" {
  description = "Folder for the results of Athena's queries, or null for no workgroup."
  type        = string
}

variable "prefix" {
  description = "The contract's prefix: the folder of the bucket that holds the data set."
  type        = string
}

variable "artefacts_uri" {
  description = "Address of the artifacts, without a slash at the end."
  type        = string
}

variable "contract_uri" {
  description = "The uploaded contract."
  type        = string
}

variable "module_keys" {
  description = "Wheels that the jobs install, in order, as keys below the artifacts; with all their dependencies."
  type        = list(string)
}

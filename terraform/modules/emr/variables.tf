variable "name" {
  description = "Name of the persistent cluster, and the Project tag of every cluster."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "mode" {
  description = "transient: each run makes a cluster and ends it. persistent: one cluster stays and takes each run's step."
  type        = string
  default     = "transient"
  nullable    = false

  validation {
    condition     = contains(["transient", "persistent"], var.mode)
    error_message = "mode must be \"transient\" or \"persistent\"."
  }
}

variable "release" {
  description = "EMR release. Its Spark should be the one that the code is tested with."
  type        = string
  default     = "emr-7.12.0"
  nullable    = false

  validation {
    condition     = can(regex("^emr-7\\.[0-9]+\\.[0-9]+$", var.release))
    error_message = "release must be an EMR 7 release such as emr-7.12.0: nodes are set up for Amazon Linux 2023."
  }
}

variable "primary_instance_type" {
  description = "Instance type of the primary node, where the driver runs."
  type        = string
  default     = "m5.xlarge"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9]+$", var.primary_instance_type))
    error_message = "primary_instance_type must be an EC2 instance type such as m5.xlarge."
  }
}

variable "core_instance_type" {
  description = "Instance type of the core nodes."
  type        = string
  default     = "m5.xlarge"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9]+$", var.core_instance_type))
    error_message = "core_instance_type must be an EC2 instance type such as m5.xlarge."
  }
}

variable "core_instances" {
  description = "Between how many core nodes managed scaling may choose."
  type        = object({ minimum = number, maximum = number })
  default     = { minimum = 1, maximum = 4 }
  nullable    = false

  validation {
    condition     = var.core_instances.minimum >= 1 && var.core_instances.maximum >= var.core_instances.minimum
    error_message = "core_instances needs a minimum from 1 and a maximum that is not below it."
  }
}

variable "root_volume_size" {
  description = "GiB of each node's root volume."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.root_volume_size >= 15 && var.root_volume_size <= 100
    error_message = "root_volume_size must be from 15 to 100 GiB."
  }
}

variable "volume_size" {
  description = "GiB of each node's data volume, which takes what Spark spills."
  type        = number
  default     = 64
  nullable    = false

  validation {
    condition     = var.volume_size >= 10 && var.volume_size <= 16384
    error_message = "volume_size must be from 10 to 16384 GiB."
  }
}

variable "idle_timeout_seconds" {
  description = "After how many idle seconds a transient cluster ends by itself."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.idle_timeout_seconds >= 60 && var.idle_timeout_seconds <= 604800
    error_message = "idle_timeout_seconds must be from 60 to 604800 (a week), which are EMR's limits."
  }
}

variable "subnet_id" {
  description = "Private subnet of the cluster."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.subnet_id) > 0
    error_message = "subnet_id must not be empty."
  }
}

variable "security_group_ids" {
  description = "Security groups: primary, core, service_access."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["primary", "core", "service_access"], keys(var.security_group_ids))) == 0
    error_message = "security_group_ids must name primary, core and service_access."
  }
}

variable "ec2_key_name" {
  description = "EC2 key pair for SSH, or null for none."
  type        = string
  default     = null

  validation {
    condition     = var.ec2_key_name == null || try(length(var.ec2_key_name) > 0, false)
    error_message = "ec2_key_name must not be empty, or null."
  }
}

variable "service_role_arn" {
  description = "Role of the EMR service."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.service_role_arn, "arn:")
    error_message = "service_role_arn must be an ARN."
  }
}

variable "instance_profile_name" {
  description = "Instance profile of the nodes."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.instance_profile_name) > 0
    error_message = "instance_profile_name must not be empty."
  }
}

variable "key_arn" {
  description = "Key that encrypts objects, disks and volumes."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.key_arn, "arn:")
    error_message = "key_arn must be an ARN."
  }
}

variable "log_bucket_name" {
  description = "Bucket that takes the clusters' logs, under emr/."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.log_bucket_name) > 0
    error_message = "log_bucket_name must not be empty."
  }
}

variable "artefacts_uri" {
  description = "Where the artefacts lie, as s3://BUCKET/PREFIX without a slash at the end."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^s3://.+[^/]$", var.artefacts_uri))
    error_message = "artefacts_uri must look like s3://BUCKET/PREFIX, without a slash at the end."
  }
}

variable "library_keys" {
  description = "Artefacts that a step brings with it as Python files: the library's wheel."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for value in var.library_keys : length(value) > 0])
    error_message = "library_keys must not have empty entries."
  }
}

variable "node_packages_version" {
  description = "Changes when what nodes install changes; a persistent cluster is then made anew."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.node_packages_version) > 0
    error_message = "node_packages_version must not be empty."
  }
}

variable "encrypt_in_transit" {
  description = "Whether the artefacts hold emr/certificates.zip, with which nodes encrypt what they send to each other."
  type        = bool
  nullable    = false
}

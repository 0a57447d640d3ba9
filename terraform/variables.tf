################################################################################
# Names
################################################################################

variable "project" {
  description = "Prefix of all names, and value of the Project tag."
  type        = string
  default     = "medical-charges"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,28}[a-z0-9]$", var.project))
    error_message = "project must be 3 to 30 lower-case letters, digits and hyphens, beginning with a letter: role names are built from it."
  }
}

variable "bucket_name" {
  description = "Name of the data bucket. S3 names are unique across all accounts, so choose your own."
  type        = string
  default     = "medicalcharges"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,56}[a-z0-9]$", var.bucket_name))
    error_message = "bucket_name must be 3 to 58 lower-case letters, digits and hyphens, with a letter or digit at both ends."
  }
}

variable "log_bucket_name" {
  description = "Name of the log bucket; the data bucket's name with -logs if null."
  type        = string
  default     = null

  validation {
    condition     = var.log_bucket_name == null || (can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.log_bucket_name)) && var.log_bucket_name != var.bucket_name)
    error_message = "log_bucket_name must be another bucket's name (3 to 63 lower-case letters, digits and hyphens), or null."
  }
}

variable "tags" {
  description = "Tags of every resource and cluster, next to Project."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 40 && !contains(keys(var.tags), "Project") && alltrue([for key in keys(var.tags) : !startswith(key, "aws:")])
    error_message = "tags may be up to 40, without Project, which is the project's name, and without AWS's own prefix aws:."
  }
}

variable "force_destroy" {
  description = "True to let `terraform destroy` delete buckets that still hold objects."
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# What was built
################################################################################

variable "artefacts_index" {
  description = "The index that `make package` writes: files to upload, and the hashes that decide which have changed."
  type        = string
  default     = "../.build/artefacts/index.json"
  nullable    = false

  validation {
    condition     = fileexists(var.artefacts_index)
    error_message = "artefacts_index does not exist; `make package` makes it."
  }
}

variable "catalog_file" {
  description = "The Catalog's tables that follow from the contract, written by `make package`."
  type        = string
  default     = "../.build/artefacts/catalog.json"
  nullable    = false

  validation {
    condition     = fileexists(var.catalog_file)
    error_message = "catalog_file does not exist; `make package` makes it."
  }
}

variable "rulesets_file" {
  description = "The rules of Glue Data Quality that follow from the contract, written by `make package`."
  type        = string
  default     = "../.build/artefacts/rulesets.json"
  nullable    = false

  validation {
    condition     = fileexists(var.rulesets_file)
    error_message = "rulesets_file does not exist; `make package` makes it."
  }
}

variable "state_machine_file" {
  description = "Template of the state machine: Amazon States Language in YAML or JSON."
  type        = string
  default     = "../state_machine/pipeline.asl.yaml"
  nullable    = false

  validation {
    condition     = fileexists(var.state_machine_file)
    error_message = "state_machine_file does not exist."
  }
}

################################################################################
# Network and access
################################################################################

variable "vpc_cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/22"
  nullable    = false

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24, false)
    error_message = "vpc_cidr must be an IPv4 block from /16 to /24, such as 10.20.0.0/22."
  }
}

variable "ssh_allowed_cidrs" {
  description = "Networks that may open SSH to EMR nodes, over a VPN or peering; each becomes a rule on port 22."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.ssh_allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "ssh_allowed_cidrs takes IPv4 networks such as 203.0.113.0/24: the VPC has no IPv6 addresses."
  }

  validation {
    condition     = alltrue([for cidr in var.ssh_allowed_cidrs : try(tonumber(split("/", cidr)[1]), 0) >= 8])
    error_message = "ssh_allowed_cidrs must not open SSH to everyone: 0.0.0.0/0 and anything wider than /8 are refused."
  }
}

variable "ec2_key_name" {
  description = "EC2 key pair for SSH to EMR nodes, or null for none."
  type        = string
  default     = null

  validation {
    condition     = var.ec2_key_name == null || try(length(var.ec2_key_name) > 0, false)
    error_message = "ec2_key_name must be the name of a key pair, or null."
  }
}

variable "instance_connect_endpoint" {
  description = "True for an EC2 Instance Connect endpoint, through which SSH reaches private nodes."
  type        = bool
  default     = false
  nullable    = false
}

variable "session_manager" {
  description = "True to open EMR nodes to Session Manager, with two more interface endpoints."
  type        = bool
  default     = false
  nullable    = false
}

################################################################################
# EMR
################################################################################

variable "emr_cluster" {
  description = "transient: each run makes a cluster and ends it. persistent: one cluster stays and takes each run's step. serverless: each run is a job of EMR Serverless, without a cluster."
  type        = string
  default     = "transient"
  nullable    = false

  validation {
    condition     = contains(["transient", "persistent", "serverless"], var.emr_cluster)
    error_message = "emr_cluster must be \"transient\", \"persistent\" or \"serverless\"."
  }
}

variable "emr_release" {
  description = "EMR release. emr-7.12.0 has the Spark that the code is tested with."
  type        = string
  default     = "emr-7.12.0"
  nullable    = false

  validation {
    condition     = can(regex("^emr-7\\.[0-9]+\\.[0-9]+$", var.emr_release))
    error_message = "emr_release must be an EMR 7 release such as emr-7.12.0: nodes are set up for Amazon Linux 2023."
  }
}

variable "emr_serverless_vcpus" {
  description = "The most vCPUs that EMR Serverless may take at once, the driver's 4 included. A new account has 16."
  type        = number
  default     = 16
  nullable    = false

  validation {
    condition     = var.emr_serverless_vcpus >= 8 && var.emr_serverless_vcpus % 4 == 0
    error_message = "emr_serverless_vcpus must be a multiple of 4 from 8: driver and executors have 4 each."
  }
}

variable "emr_primary_instance_type" {
  description = "Instance type of the primary node, where the driver runs."
  type        = string
  default     = "m5.xlarge"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9]+$", var.emr_primary_instance_type))
    error_message = "emr_primary_instance_type must be an EC2 instance type such as m5.xlarge."
  }
}

variable "emr_core_instance_type" {
  description = "Instance type of the core nodes. The wheelhouse is built for x86-64."
  type        = string
  default     = "m5.xlarge"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9]+$", var.emr_core_instance_type))
    error_message = "emr_core_instance_type must be an EC2 instance type such as m5.xlarge."
  }
}

variable "emr_core_instances" {
  description = "Smallest and largest number of core nodes for managed scaling."
  type        = object({ minimum = number, maximum = number })
  default     = { minimum = 1, maximum = 4 }
  nullable    = false

  validation {
    condition     = var.emr_core_instances.minimum >= 1 && var.emr_core_instances.maximum >= var.emr_core_instances.minimum
    error_message = "emr_core_instances needs a minimum from 1 and a maximum that is not below it."
  }
}

variable "emr_idle_timeout_seconds" {
  description = "Idle seconds after which a transient cluster ends by itself, in case its run died."
  type        = number
  default     = 900
  nullable    = false

  validation {
    condition     = var.emr_idle_timeout_seconds >= 60 && var.emr_idle_timeout_seconds <= 604800
    error_message = "emr_idle_timeout_seconds must be from 60 to 604800 (a week), which are EMR's limits."
  }
}

################################################################################
# Glue and runs
################################################################################

variable "glue_worker_type" {
  description = "Size of a Glue job's workers."
  type        = string
  default     = "G.1X"
  nullable    = false

  validation {
    condition     = contains(["G.1X", "G.2X", "G.4X", "G.8X"], var.glue_worker_type)
    error_message = "glue_worker_type must be G.1X, G.2X, G.4X or G.8X."
  }
}

variable "glue_workers" {
  description = "Number of a Glue job's workers, the driver included."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.glue_workers >= 2 && floor(var.glue_workers) == var.glue_workers
    error_message = "glue_workers must be a whole number from 2, which is Glue's least."
  }
}

variable "athena" {
  description = "True to make an Athena workgroup with limits, and a saved query per output. Results are kept in the log bucket for as long as logs."
  type        = bool
  default     = false
  nullable    = false
}

variable "run_timeout_seconds" {
  description = "Seconds after which a run is stopped, in any state."
  type        = number
  default     = 10800
  nullable    = false

  validation {
    condition     = var.run_timeout_seconds >= 60 && var.run_timeout_seconds <= 604800 && floor(var.run_timeout_seconds) == var.run_timeout_seconds
    error_message = "run_timeout_seconds must be a whole number from 60 to 604800 (a week)."
  }
}

variable "lease_seconds" {
  description = "Seconds after which a lease that nobody renewed or released is free again."
  type        = number
  default     = 14400
  nullable    = false

  validation {
    condition     = var.lease_seconds > var.run_timeout_seconds && floor(var.lease_seconds) == var.lease_seconds
    error_message = "lease_seconds must be a whole number above run_timeout_seconds, or a second run could begin while a slow one continues."
  }
}

################################################################################
# Monitoring
################################################################################

variable "notice_emails" {
  description = "Addresses that get notices of runs and alarms. AWS asks each of them to confirm."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.notice_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "notice_emails must be e-mail addresses."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept, in CloudWatch and in the log bucket."
  type        = number
  default     = 365
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one that CloudWatch Logs offers, such as 30, 90, 365 or 3653."
  }
}

variable "cluster_age_alarm_minutes" {
  description = "Age at which a transient cluster raises an alarm."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.cluster_age_alarm_minutes >= 15 && var.cluster_age_alarm_minutes <= 180 && var.cluster_age_alarm_minutes % 5 == 0
    error_message = "cluster_age_alarm_minutes must be from 15 to 180 in steps of 5: EMR reports every 5 minutes, and CloudWatch looks back 3 hours."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars, or null for none. Needs notice_emails."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || (try(var.monthly_budget_usd > 0, false) && length(var.notice_emails) > 0)
    error_message = "monthly_budget_usd must be more than 0 and needs notice_emails: a budget that tells nobody is none."
  }
}

################################################################################
# QuickSight
################################################################################

variable "quicksight_user" {
  description = "QuickSight user that owns the dashboard, by name or ARN; empty for no dashboard."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.quicksight_user == trimspace(var.quicksight_user)
    error_message = "quicksight_user must not begin or end with a space."
  }
}

variable "quicksight_readers" {
  description = "QuickSight group that may read the dashboard, by name or ARN; empty for the owner alone."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.quicksight_readers == "" || var.quicksight_user != ""
    error_message = "quicksight_readers needs quicksight_user: there is no dashboard without an owner."
  }
}

variable "quicksight_members" {
  description = "QuickSight users who become members of the group quicksight_readers, which is then made here; empty where the group exists."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.quicksight_members) == 0 || (var.quicksight_readers != "" && !startswith(var.quicksight_readers, "arn:"))
    error_message = "quicksight_members needs quicksight_readers, the name (not the ARN) of the group to make."
  }
}

variable "quicksight_identity_region" {
  description = "Region in which QuickSight keeps the account's users and groups; the deployment's own region if null."
  type        = string
  default     = null

  validation {
    condition     = var.quicksight_identity_region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.quicksight_identity_region))
    error_message = "quicksight_identity_region must be a region such as us-east-1, or null."
  }
}

variable "quicksight_ready" {
  description = "True once a run has published what the dashboard reads: a data source reads its manifest when it is made. `make deploy` sets it."
  type        = bool
  default     = false
  nullable    = false
}

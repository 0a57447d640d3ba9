variable "name" {
  description = "Name of the persistent cluster, and the Project tag of every cluster."
  type        = string
}

variable "tags" {
  description = "Further tags of every cluster."
  type        = map(string)
}

variable "mode" {
  description = "transient: each run makes a cluster and ends it. persistent: one cluster stays and takes each run's step. serverless: each run is a job of an application."
  type        = string
}

variable "release" {
  description = "EMR release. Its Spark should be the one that the code is tested with."
  type        = string
}

variable "primary_instance_type" {
  description = "Instance type of the primary node, where the driver runs."
  type        = string
}

variable "core_instance_type" {
  description = "Instance type of the core nodes."
  type        = string
}

variable "core_instances" {
  description = "Smallest and largest number of core nodes for managed scaling."
  type        = object({ minimum = number, maximum = number })
}

variable "root_volume_size" {
  description = "GiB of each node's root volume."
  type        = number
  default     = 30
}

variable "volume_size" {
  description = "GiB of each node's data volume, which takes what Spark spills."
  type        = number
  default     = 64
}

variable "idle_timeout_seconds" {
  description = "Idle seconds after which a transient cluster ends by itself."
  type        = number
}

variable "subnet_id" {
  description = "Private subnet of the cluster, or of the application."
  type        = string
}

variable "security_group_ids" {
  description = "Security groups: primary, core, service_access; and serverless in that mode."
  type        = map(string)
}

variable "ec2_key_name" {
  description = "EC2 key pair for SSH, or null for none."
  type        = string
}

variable "service_role_arn" {
  description = "Role of the EMR service."
  type        = string
}

variable "instance_profile_name" {
  description = "Instance profile of the nodes."
  type        = string
}

variable "key_arn" {
  description = "Key that encrypts objects, disks and volumes."
  type        = string
}

variable "log_bucket_name" {
  description = "Bucket that takes the clusters' logs, under emr/."
  type        = string
}

variable "artefacts_uri" {
  description = "Address of the artifacts, as s3://BUCKET/PREFIX without a slash at the end."
  type        = string
}

variable "library_keys" {
  description = "Artifacts that a step brings with it as Python files: the library's wheel."
  type        = list(string)
}

variable "node_packages_version" {
  description = "Changes when what nodes install changes; a persistent cluster is then replaced."
  type        = string
}

variable "serverless" {
  description = "For jobs of EMR Serverless: the most vCPUs at once, the library of a job, its Python environment (null on a laptop), and the minutes after which it is ended."
  type = object({
    vcpus           = number
    library_uri     = string
    environment_uri = string
    timeout_minutes = number
  })
}

variable "job_role_arn" {
  description = "Role of a job of EMR Serverless, or an empty string."
  type        = string
}

variable "encrypt_in_transit" {
  description = "True if the artifacts have emr/certificates.zip, with which nodes encrypt their traffic to each other."
  type        = bool
}

variable "name" {
  description = "Prefix of the names of the VPC and all that lies in it."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) > 0
    error_message = "name must not be empty."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the VPC. Its first two quarters become the private subnets."
  type        = string
  nullable    = false

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && can(tonumber(split("/", var.vpc_cidr)[1])) && tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 24
    error_message = "vpc_cidr must be an IPv4 block from /16 to /24, such as 10.20.0.0/22."
  }
}

variable "bucket_arns" {
  description = "The project's own buckets, which the S3 endpoint lets through beside EMR's repositories."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.bucket_arns) > 0
    error_message = "bucket_arns must name at least one bucket."
  }
}

variable "log_bucket_arn" {
  description = "Bucket that takes the VPC's flow logs."
  type        = string
  nullable    = false

  validation {
    condition     = startswith(var.log_bucket_arn, "arn:")
    error_message = "log_bucket_arn must be an ARN."
  }
}

variable "ssh_allowed_cidrs" {
  description = "Networks that may open SSH to EMR nodes; each becomes a rule on port 22. Checked by the root module too."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for cidr in var.ssh_allowed_cidrs : can(cidrhost(cidr, 0)) && try(tonumber(split("/", cidr)[1]), 0) >= (strcontains(cidr, ":") ? 32 : 8)
    ])
    error_message = "ssh_allowed_cidrs takes networks no wider than /8 (IPv6: /32); 0.0.0.0/0 and ::/0 would open SSH to everyone."
  }
}

variable "instance_connect_endpoint" {
  description = "Whether to make an EC2 Instance Connect endpoint, through which SSH reaches private nodes."
  type        = bool
  default     = false
  nullable    = false
}

variable "session_manager" {
  description = "Whether to make the endpoints that Session Manager needs."
  type        = bool
  default     = false
  nullable    = false
}

variable "name" {
  description = "Prefix of the names of the VPC and its resources."
  type        = string
}

variable "vpc_cidr" {
  description = "Addresses of the VPC. Its first two quarters become the private subnets."
  type        = string
}

variable "instance_types" {
  description = "Instance types of the clusters, all of which the first zone must offer."
  type        = list(string)
}

variable "bucket_arns" {
  description = "The project's own buckets, which the S3 endpoint admits next to EMR's repositories."
  type        = list(string)
}

variable "log_bucket_arn" {
  description = "Bucket that takes the VPC's flow logs."
  type        = string
}

variable "ssh_allowed_cidrs" {
  description = "Networks that may open SSH to EMR nodes; each becomes a rule on port 22."
  type        = list(string)
}

variable "instance_connect_endpoint" {
  description = "True for an EC2 Instance Connect endpoint, through which SSH reaches private nodes."
  type        = bool
}

variable "session_manager" {
  description = "True for the endpoints that Session Manager needs."
  type        = bool
}

variable "serverless" {
  description = "True for the security group of EMR Serverless."
  type        = bool
}

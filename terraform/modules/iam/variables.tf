variable "name" {
  description = "Prefix of the roles' names, and the Project tag that makes a cluster the project's own."
  type        = string
}

variable "prefix" {
  description = "The contract's prefix: the folder of the data bucket that holds the data set."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the data bucket."
  type        = string
}

variable "log_bucket_arn" {
  description = "ARN of the log bucket."
  type        = string
}

variable "key_arn" {
  description = "ARN of the key that encrypts the data."
  type        = string
}

variable "ledger_table_name" {
  description = "Name of the table with the lease and the runs."
  type        = string
}

variable "topic_name" {
  description = "Name of the topic that takes notices."
  type        = string
}

variable "state_machine_name" {
  description = "Name of the state machine."
  type        = string
}

variable "function_names" {
  description = "Names of the Lambda functions, by function."
  type        = map(string)
}

variable "dead_letter_queue_name" {
  description = "Name of the queue for asynchronous calls that failed."
  type        = string
}

variable "job_names" {
  description = "Names of the Glue jobs."
  type        = list(string)
}

variable "connection_name" {
  description = "Name of the Glue jobs' network connection."
  type        = string
}

variable "vpc_id" {
  description = "VPC of those subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets that Glue jobs may join."
  type        = list(string)
}

variable "glue_security_group_id" {
  description = "Security group of Glue jobs."
  type        = string
}

variable "session_manager" {
  description = "True to open EMR nodes to Session Manager."
  type        = bool
}

variable "quicksight" {
  description = "True to let QuickSight read the published outputs."
  type        = bool
}

variable "serverless" {
  description = "The EMR Serverless application whose jobs a run starts; null without one."
  type        = object({ application_arn = string })
}

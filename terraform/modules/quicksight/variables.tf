variable "name" {
  description = "Prefix of all ids."
  type        = string
}

variable "template_url" {
  description = "Address of the template, which the build derives from the contract."
  type        = string
}

variable "bucket_name" {
  description = "The data bucket."
  type        = string
}

variable "role_arn" {
  description = "Role with which QuickSight reads manifests and outputs."
  type        = string
}

variable "owner_arn" {
  description = "QuickSight user that owns everything."
  type        = string
}

variable "readers_arn" {
  description = "QuickSight group that may read the dashboard, or an empty string for no group."
  type        = string
}

variable "readers" {
  description = "Name of that group and the users to put in it; without users the group exists already."
  type        = object({ group = string, members = list(string) })
}

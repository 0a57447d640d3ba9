output "cluster_parameters" {
  description = "The argument of elasticmapreduce:createCluster for a transient cluster, without its Name."
  value       = local.cluster_parameters
}

output "step_arguments" {
  description = "Arguments of the step, up to and including the script."
  value       = local.step_arguments
}

output "analysis" {
  description = "The integration that runs the analysis, and its arguments as JSON."
  value       = local.analysis
}

output "application" {
  description = "Id and ARN of the EMR Serverless application, or empty strings."
  value = {
    id  = join("", aws_emrserverless_application.this[*].id)
    arn = join("", aws_emrserverless_application.this[*].arn)
  }
}

output "cluster_id" {
  description = "Id of the persistent cluster, or an empty string."
  value       = var.mode == "persistent" ? aws_emr_cluster.this[0].id : ""
}

output "security_configuration" {
  description = "Security configuration of every cluster, as JSON."
  value       = aws_emr_security_configuration.this.configuration
}

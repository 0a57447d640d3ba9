locals {
  console = "https://${local.region}.console.aws.amazon.com"

  links = {
    "State machine" = "${local.console}/states/home?region=${local.region}#/statemachines/view/${local.state_machine_arn}"
    "Data bucket"   = "${local.console}/s3/buckets/${var.bucket_name}?region=${local.region}&prefix=${local.prefix}/"
    "Log bucket"    = "${local.console}/s3/buckets/${local.log_bucket_name}?region=${local.region}&prefix=emr/"
    "Logs"          = "${local.console}/cloudwatch/home?region=${local.region}#logsV2:log-groups$3FlogGroupNameFilter$3D${var.project}"
    "Clusters"      = "${local.console}/emr/home?region=${local.region}#/clusters"
    "Catalog"       = "${local.console}/glue/home?region=${local.region}#/v2/data-catalog/databases/view/${local.contract.dataset}"
  }
}

output "console_links" {
  description = "Links into the AWS console."
  value       = merge(local.links, { "Dashboard" = "${local.console}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${module.monitoring.dashboard_name}" })
}

output "bucket_name" {
  description = "The data bucket."
  value       = module.storage.bucket_name
}

output "log_bucket_name" {
  description = "Bucket of access logs, flow logs and EMR logs."
  value       = module.storage.log_bucket_name
}

output "input_uri" {
  description = "Copy CSV or Parquet files here, as the contract says: each starts a run."
  value       = "s3://${module.storage.bucket_name}/${local.prefix}/Input_data/"
}

output "output_uri" {
  description = "The published outputs."
  value       = "s3://${module.storage.bucket_name}/${local.prefix}/Output_data/"
}

output "state_machine_arn" {
  description = "The state machine; start it with {} for a run by hand."
  value       = module.orchestration.state_machine_arn
}

output "state_machine_log_group" {
  description = "Log group of its executions."
  value       = module.orchestration.log_group
}

output "function_log_groups" {
  description = "Log groups of the functions, by function."
  value       = module.lambdas.log_groups
}

output "ledger_table" {
  description = "Table with the lease and the runs."
  value       = module.orchestration.ledger_table
}

output "topic_arn" {
  description = "Topic of the notices and alarms."
  value       = module.monitoring.topic_arn
}

output "dead_letter_queue_url" {
  description = "Queue of events and calls that failed; normally empty."
  value       = module.orchestration.dead_letter_queue_url
}

output "emr_cluster_id" {
  description = "Id of the persistent cluster, or an empty string."
  value       = module.emr.cluster_id
}

output "emr_serverless_application_id" {
  description = "Id of the EMR Serverless application, or an empty string."
  value       = module.emr.application.id

  # A laptop's build has no packages for nodes either; it has them itself.
  precondition {
    condition     = !local.serverless || contains(keys(local.built), local.environment) || !contains(keys(local.built), "emr/wheelhouse.zip")
    error_message = "The build has no Python environment for EMR Serverless: `make package` makes it if emr_cluster is \"serverless\"."
  }
}

output "glue_database" {
  description = "Catalog database of the outputs."
  value       = module.glue.database_name
}

output "athena" {
  description = "Athena's workgroup, and the ids of its saved queries by output; null without."
  value       = module.glue.athena
}

output "glue_job_names" {
  description = "Names of the Glue jobs, by job."
  value       = module.glue.job_names
}

output "instance_connect_endpoint_id" {
  description = "The EC2 Instance Connect endpoint, or null without one."
  value       = module.network.instance_connect_endpoint_id
}

output "quicksight_state" {
  description = "off: quicksight_user is empty. waiting: no run has published what the dashboard reads. on: there is a dashboard."
  value       = local.quicksight_state

  # Before anything is made, not when the first run has published.
  precondition {
    condition     = local.quicksight_state == "off" || !contains(local.regions_without_dashboards, local.region)
    error_message = "CloudFormation makes no QuickSight dashboard in ${local.region}: deploy to another region, or leave quicksight_user empty."
  }
}

output "quicksight" {
  description = "Address of the QuickSight dashboard, or what is missing for it."
  value = {
    off     = "There is no QuickSight dashboard: set quicksight_user to the QuickSight user who is to own one."
    waiting = "The QuickSight dashboard waits for a run that publishes what it reads, since a data source reads its manifest when it is made: upload a file, then `make deploy` again (it sets quicksight_ready)."
    on      = "The QuickSight dashboard: https://${local.region}.quicksight.aws.amazon.com/sn/dashboards/${try(module.quicksight[0].dashboard_id, "")}"
  }[local.quicksight_state]
}

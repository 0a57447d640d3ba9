output "database_name" {
  description = "Catalog database of the published outputs."
  value       = aws_glue_catalog_database.this.name
}

output "table_names" {
  description = "Its tables."
  value       = sort(keys(aws_glue_catalog_table.this))
}

output "ruleset_names" {
  description = "Rulesets of Glue Data Quality, by table or `input`."
  value       = { for key, ruleset in aws_glue_data_quality_ruleset.this : key => ruleset.name }
}

output "job_names" {
  description = "Names of the jobs, by job."
  value       = { for key, job in aws_glue_job.this : key => job.name }
}

output "athena" {
  description = "Athena's workgroup, and the saved queries by output; null without."
  value       = var.athena_results_uri == null ? null : { workgroup = aws_athena_workgroup.this[0].name, queries = { for name, query in aws_athena_named_query.this : name => query.id } }
}

output "database_name" {
  description = "Catalog database of the published outputs."
  value       = aws_glue_catalog_database.this.name
}

output "table_names" {
  description = "Its tables."
  value       = sort(keys(aws_glue_catalog_table.this))
}

output "job_names" {
  description = "Names of the jobs by what they do."
  value       = { for key, job in aws_glue_job.this : key => job.name }
}

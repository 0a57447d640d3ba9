################################################################################
# Athena: a workgroup with limits, and a saved query per output, if wanted
################################################################################

resource "aws_athena_workgroup" "this" {
  count = var.athena_results_uri == null ? 0 : 1

  name        = var.name
  description = "Queries on the published outputs of ${var.name}"
  # Saved queries and the history go with it.
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    # A query of all outputs reads far less. Athena bills by bytes scanned.
    # https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
    bytes_scanned_cutoff_per_query = 100 * 1024 * 1024

    result_configuration {
      output_location = var.athena_results_uri

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = { for table in var.tables : table.name => table if var.athena_results_uri != null }

  name        = each.key
  description = "All rows of ${each.key}"
  workgroup   = aws_athena_workgroup.this[0].id
  database    = aws_glue_catalog_database.this.name
  query       = "SELECT ${join(", ", [for column in each.value.columns : "\"${column.name}\""])}\nFROM \"${aws_glue_catalog_table.this[each.key].name}\""
}

################################################################################
# Catalog: a table per output, as the contract says
################################################################################

resource "aws_glue_catalog_database" "this" {
  name        = var.database_name
  description = "Published outputs of ${var.name}"
}

resource "aws_glue_catalog_table" "this" {
  for_each = { for table in var.tables : table.name => table }

  database_name = aws_glue_catalog_database.this.name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    {
      EXTERNAL                 = "TRUE"
      classification           = "csv"
      "skip.header.line.count" = "1"
    },
    each.value.parameters,
  )

  storage_descriptor {
    location      = "s3://${var.bucket_name}/${each.value.location}"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    # OpenCSVSerDe would make every column a string.
    # https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html
    ser_de_info {
      name                  = "csv"
      serialization_library = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
      parameters = merge(
        { "field.delim" = ",", "serialization.format" = ",", "serialization.null.format" = "" },
        each.value.serde_parameters,
      )
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}

################################################################################
# Data quality: the rules that follow from the contract, for evaluations of a
# table in the console. A run's own job evaluates the same texts.
# https://docs.aws.amazon.com/glue/latest/dg/dqdl.html
################################################################################

resource "aws_glue_data_quality_ruleset" "this" {
  for_each = var.rulesets

  name        = "${var.name}-${replace(each.key, "_", "-")}"
  description = contains(keys(aws_glue_catalog_table.this), each.key) ? "Rules of the table ${each.key}" : "Rules of the accepted rows"
  ruleset     = each.value

  # The rows that are read belong to no table.
  dynamic "target_table" {
    for_each = contains(keys(aws_glue_catalog_table.this), each.key) ? [each.key] : []

    content {
      database_name = aws_glue_catalog_database.this.name
      table_name    = aws_glue_catalog_table.this[target_table.value].name
    }
  }
}

################################################################################
# Security configuration and network
################################################################################

resource "aws_glue_security_configuration" "this" {
  name = var.name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = var.key_arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = var.key_arn
    }
  }
}

resource "aws_glue_connection" "this" {
  name            = var.connection_name
  connection_type = "NETWORK"

  physical_connection_requirements {
    availability_zone      = var.availability_zone
    subnet_id              = var.subnet_id
    security_group_id_list = [var.security_group_id]
  }
}

################################################################################
# Jobs
################################################################################

locals {
  # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
  arguments = merge(
    {
      "--job-language"                     = "python"
      "--enable-continuous-cloudwatch-log" = "true"
      "--job-bookmark-option"              = "job-bookmark-disable" # a run reads what its plan names
      "--TempDir"                          = "s3://${var.bucket_name}/${var.prefix}/Run_data/temporary/"
      "--contract"                         = var.contract_uri
      "--bucket"                           = var.bucket_name
    },
    # Wheels from the bucket and nothing else: the list is complete, so pip has
    # nothing to resolve and asks no index.
    # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
    length(var.module_keys) == 0 ? {} : {
      "--additional-python-modules"       = join(",", [for key in var.module_keys : "${var.artefacts_uri}/${key}"])
      "--python-modules-installer-option" = "--no-index --no-deps"
    },
  )
}

resource "aws_glue_job" "this" {
  for_each = var.jobs

  name                   = each.value.name
  description            = each.value.description
  role_arn               = var.role_arn
  glue_version           = "5.1"
  execution_class        = "STANDARD" # FLEX may wait for capacity, and a run waits for its gates
  worker_type            = var.worker_type
  number_of_workers      = var.workers
  timeout                = var.timeout_minutes
  max_retries            = 0 # the state machine decides what is tried again
  security_configuration = aws_glue_security_configuration.this.name
  connections            = [aws_glue_connection.this.name]
  default_arguments      = local.arguments

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "${var.artefacts_uri}/${each.value.script}"
  }

  execution_property {
    max_concurrent_runs = 1
  }
}

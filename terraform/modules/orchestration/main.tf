data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
}

################################################################################
# Ledger: the lease and what became of each run
################################################################################

resource "aws_dynamodb_table" "ledger" {
  name         = var.ledger_table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk" # "lease", or "run#RUN_ID"

  attribute {
    name = "pk"
    type = "S"
  }

  ttl {
    attribute_name = "delete_after" # of runs; the lease has none, and is nobody's to delete
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key_arn
  }
}

################################################################################
# State machine
################################################################################

resource "aws_cloudwatch_log_group" "state_machine" {
  # Under this prefix the log group is covered by one resource policy; others
  # would fill it up.
  # https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_sfn_state_machine" "this" {
  name       = var.name
  role_arn   = var.state_machine_role_arn
  type       = "STANDARD"
  definition = jsonencode(yamldecode(templatefile(var.definition_file, var.definition_variables)))

  #checkov:skip=CKV_AWS_285: the cause of a failed job is an error's text, which may quote a row; the log has every state, and the execution's history has the data
  logging_configuration {
    level                  = "ALL"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.state_machine.arn}:*"
  }

  tracing_configuration {
    enabled = true
  }
}

################################################################################
# Events
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
# https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
################################################################################

locals {
  input = { bucket = { name = [var.bucket_name] } }

  rules = {
    input-created = {
      description = "A file arrives in the input folder"
      pattern = {
        source        = ["aws.s3"]
        "detail-type" = ["Object Created"]
        # A console's "folder" is an empty object.
        detail = merge(local.input, { object = { key = [{ prefix = var.input_prefix }], size = [{ numeric = [">", 0] }] } })
      }
      target = aws_sfn_state_machine.this.arn
      role   = var.events_role_arn
    }
    input-deleted = {
      description = "A file leaves the input folder"
      pattern = {
        source        = ["aws.s3"]
        "detail-type" = ["Object Deleted"]
        detail        = merge(local.input, { object = { key = [{ prefix = var.input_prefix }] } })
      }
      target = aws_sfn_state_machine.this.arn
      role   = var.events_role_arn
    }
    run-ended-badly = {
      description = "A run failed, timed out or was stopped"
      pattern = {
        source        = ["aws.states"]
        "detail-type" = ["Step Functions Execution Status Change"]
        detail        = { stateMachineArn = [aws_sfn_state_machine.this.arn], status = ["FAILED", "TIMED_OUT", "ABORTED"] }
      }
      target = var.end_run_arn
      role   = null # Lambda is asked by its resource policy
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${var.name}-${each.key}"
  description   = each.value.description
  event_pattern = jsonencode(each.value.pattern)
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule     = aws_cloudwatch_event_rule.this[each.key].name
  arn      = each.value.target
  role_arn = each.value.role

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 20
  }

  depends_on = [aws_lambda_permission.end_run]
}

resource "aws_lambda_permission" "end_run" {
  statement_id  = "AllowRunEnded"
  action        = "lambda:InvokeFunction"
  function_name = var.end_run_arn
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this["run-ended-badly"].arn
}

################################################################################
# Dead letters: events that reached nobody, and calls of end_run that failed
################################################################################

resource "aws_sqs_queue" "dead_letters" {
  name                      = var.dead_letter_queue_name
  message_retention_seconds = 1209600 # two weeks, SQS's longest
  # What is dead here are event envelopes: names and sizes of objects.
  sqs_managed_sse_enabled = true

  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "UndeliveredEvents"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.dead_letter_queue_name}"
      # By name, so that the policy need not wait for the rules, which wait for the machine.
      Condition = { ArnLike = { "aws:SourceArn" = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-*" } }
    }]
  })
}

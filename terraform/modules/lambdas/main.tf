locals {
  # Called by EventBridge; the others are called by the state machine, which
  # waits for their answer.
  asynchronous = toset(["end_run"])
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.functions

  name              = "/aws/lambda/${each.value.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50: tracing_config is set below
  #checkov:skip=CKV_AWS_115: one run at a time is the lease's work; reserved concurrency would take capacity from the account for good
  #checkov:skip=CKV_AWS_116: functions that are called asynchronously have a dead-letter queue; the others answer to the state machine
  #checkov:skip=CKV_AWS_117: the functions call AWS's APIs only, by TLS and IAM; a VPC would add an endpoint's hourly price per service
  #checkov:skip=CKV_AWS_272: packages are pinned by hash in the artifacts' index, from the build to the upload
  for_each = var.functions

  function_name = each.value.name
  description   = each.value.description
  role          = each.value.role_arn
  runtime       = "python3.11"
  handler       = "handler.handle"
  memory_size   = each.value.memory_mb
  timeout       = each.value.timeout_seconds
  kms_key_arn   = var.key_arn

  # From the bucket, the provider makes the functions side by side; from files, one after another.
  s3_bucket         = var.bucket_name
  s3_key            = each.value.package.key
  s3_object_version = each.value.package.version

  environment {
    variables = var.environment
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "dead_letter_config" {
    for_each = contains(local.asynchronous, each.key) ? [var.dead_letter_queue_arn] : []

    content {
      target_arn = dead_letter_config.value
    }
  }

  # Else Lambda would make the group itself, without key and retention.
  depends_on = [aws_cloudwatch_log_group.this]
}

# The newest object may be somebody else's. A condition of the function itself
# would see the hash of before: the provider does not say that it will change.
data "aws_lambda_function" "made" {
  for_each = var.functions

  function_name = each.value.name

  lifecycle {
    postcondition {
      condition     = self.code_sha256 == each.value.package.sha256
      error_message = "${each.value.name} runs another package than was built: see who writes to artefacts/ and changes functions, then replace it: terraform apply -replace='module.lambdas.aws_lambda_function.this[\"${each.key}\"]'"
    }
  }

  depends_on = [aws_lambda_function.this]
}

# Functions run the packages that were built, whatever is newest in the bucket.

mock_provider "aws" {
  source = "./tests/mocks"
}

run "another_package_is_refused" {
  command = apply

  module {
    source = "./modules/lambdas"
  }

  variables {
    functions = {
      plan_run = {
        name        = "medical-charges-plan-run"
        description = "Plans"
        role_arn    = "arn:aws:iam::123456789012:role/medical-charges"
        package     = { key = "artefacts/lambdas/plan_run.zip", version = "1", sha256 = "of another package" }
      }
    }
    environment           = {}
    bucket_name           = "medicalcharges"
    key_arn               = "arn:aws:kms:us-east-1:123456789012:key/1"
    dead_letter_queue_arn = "arn:aws:sqs:us-east-1:123456789012:medical-charges"
    log_retention_days    = 30
  }

  expect_failures = [data.aws_lambda_function.made]
}

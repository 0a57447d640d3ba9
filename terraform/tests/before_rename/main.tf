# The roles under the module's earlier name, as a stack that was applied then holds them.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

module "security" {
  source = "../../modules/iam"

  name                   = "medical-charges"
  prefix                 = "MedicalCharges"
  bucket_arn             = "arn:aws:s3:::medicalcharges"
  log_bucket_arn         = "arn:aws:s3:::medicalcharges-logs"
  key_arn                = "arn:aws:kms:eu-central-1:123456789012:key/1"
  ledger_table_name      = "medical-charges-ledger"
  topic_name             = "medical-charges-notices"
  state_machine_name     = "medical-charges"
  dead_letter_queue_name = "medical-charges-dead-letters"
  job_names              = ["medical-charges-test-analysis"]
  connection_name        = "medical-charges-private"
  vpc_id                 = "vpc-1"
  subnet_ids             = ["subnet-1"]
  session_manager        = false
  quicksight             = false
  serverless             = null
  glue_security_group_id = "sg-1"
  function_names         = { for key in ["plan_run", "compare_runs", "publish_outputs", "generate_manifests", "validate_manifests", "write_page", "end_run"] : key => key }
}

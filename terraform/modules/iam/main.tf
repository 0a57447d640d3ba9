data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.name
  # IAM has one list of roles for all regions of an account.
  role_name = "${var.name}-%s-${local.region}"
  # arn:PARTITION:SERVICE:REGION:ACCOUNT, to be continued
  arn = { for service in ["dynamodb", "ec2", "elasticmapreduce", "events", "glue", "lambda", "logs", "quicksight", "sns", "sqs", "states"] : service => "arn:${local.partition}:${service}:${local.region}:${local.account}" }

  # Ends of ARNs that follow from names. Built here, not taken from the
  # resources, so that a role can exist before what it may touch.
  table           = "${local.arn.dynamodb}:table/${var.ledger_table_name}"
  topic           = "${local.arn.sns}:${var.topic_name}"
  state_machine   = "${local.arn.states}:stateMachine:${var.state_machine_name}"
  clusters        = "${local.arn.elasticmapreduce}:cluster/*" # ids are known when a cluster is made; its tag says whose it is
  functions       = { for key, name in var.function_names : key => "${local.arn.lambda}:function:${name}" }
  ingestions      = "${local.arn.quicksight}:dataset/${var.name}-*/ingestion/*"
  jobs            = [for name in var.job_names : "${local.arn.glue}:job/${name}"]
  emr_roles       = { for key in ["emr-service", "emr-instances"] : key => "arn:${local.partition}:iam::${local.account}:role/${format(local.role_name, key)}" }
  application     = var.serverless == null ? "" : var.serverless.application_arn
  own_cluster     = { StringEquals = { "aws:ResourceTag/Project" = var.name } }
  own_new_cluster = { StringEquals = { "aws:RequestTag/Project" = var.name } }

  # Folders of the data bucket, as ARNs of their objects.
  folder = merge(
    { artefacts = "${var.bucket_arn}/artefacts/*" },
    { for key, name in {
      input      = "Input_data"
      output     = "Output_data"
      manifest   = "Manifest_data"
      quarantine = "Quarantine_data"
      cube       = "Cube_data"
      reconciled = "Cube_data/reconciled"
      run        = "Run_data"
    } : key => "${var.bucket_arn}/${var.prefix}/${name}/*" },
  )

  page = "${var.bucket_arn}/${var.prefix}/Dashboard/index.html"

  # The record of the live run, which a rollback writes too, or removes.
  live = "${var.bucket_arn}/${var.prefix}/Run_data/live.json"

  # Statements that several actors share.
  use_key = {
    Sid      = "UseKey"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    Resource = var.key_arn
  }
  list_bucket = {
    Sid      = "ListBucket"
    Effect   = "Allow"
    Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
    Resource = var.bucket_arn
  }
  # https://docs.aws.amazon.com/xray/latest/devguide/security_iam_id-based-policy-examples.html
  trace = {
    Sid      = "Trace"
    Effect   = "Allow"
    Action   = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    Resource = "*" # X-Ray has no resource to name
  }
}

################################################################################
# Actors: one role each
################################################################################

locals {
  actors = merge(
    {
      emr-service = {
        service    = "elasticmapreduce.amazonaws.com"
        source     = "${local.arn.elasticmapreduce}:*"
        statements = local.emr_service
      }
      emr-instances = { service = "ec2.amazonaws.com", source = null, statements = local.emr_instances }
      glue          = { service = "glue.amazonaws.com", source = null, statements = local.glue }
      state-machine = {
        service    = "states.amazonaws.com"
        source     = local.state_machine
        statements = local.state_machine_statements
      }
      events = {
        service    = "events.amazonaws.com"
        source     = "${local.arn.events}:rule/${var.name}-*"
        statements = local.events
      }
    },
    { for key, statements in local.lambdas : replace(key, "_", "-") => {
      service    = "lambda.amazonaws.com"
      source     = null
      statements = statements
    } },
    { for name in ["serverless-job"] : name => { service = "emr-serverless.amazonaws.com", source = null, statements = local.serverless_job } if var.serverless != null },
    { for name in ["quicksight"] : name => { service = "quicksight.amazonaws.com", source = null, statements = local.quicksight } if var.quicksight },
  )

  # A service may act for this account's resources only, never for another's.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
  # EC2, Glue, Lambda and QuickSight pass no source when they assume a role; that EMR
  # Serverless passes one is not documented.
  trust = { for name, actor in local.actors : name => {
    Version = "2012-10-17"
    Statement = [merge(
      {
        Effect    = "Allow"
        Principal = { Service = actor.service }
        Action    = "sts:AssumeRole"
      },
      actor.source == null ? {} : {
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = actor.source }
        }
      },
    )]
  } }
}

resource "aws_iam_role" "this" {
  for_each = local.actors

  name               = format(local.role_name, each.key)
  assume_role_policy = jsonencode(local.trust[each.key])
}

resource "aws_iam_role_policy" "this" {
  for_each = local.actors

  name   = "access"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

# EMR demands that a profile and its role have the same name.
# https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-roles-custom.html
resource "aws_iam_instance_profile" "emr" {
  name = aws_iam_role.this["emr-instances"].name
  role = aws_iam_role.this["emr-instances"].name
}

# What EMR needs in EC2 changes with its releases; AWS keeps this policy current
# and limits it to resources with EMR's tag.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonEMRServicePolicy_v2.html
resource "aws_iam_role_policy_attachment" "emr_service" {
  role       = aws_iam_role.this["emr-service"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

# https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-instance-permissions.html
resource "aws_iam_role_policy_attachment" "session_manager" {
  count = var.session_manager ? 1 : 0

  role       = aws_iam_role.this["emr-instances"].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

# EMR, Glue and EventBridge: what each platform does with the project's things.

################################################################################
# EMR
################################################################################

locals {
  emr_service = [
    # The managed policy passes EMR's default role only.
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-role.html
    {
      Sid       = "PassInstanceRole"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = local.emr_roles["emr-instances"]
      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
    },
    # Volumes are encrypted with the project's key.
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-encryption-enable.html
    {
      Sid      = "EncryptVolumes"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource = var.key_arn
    },
    {
      Sid       = "GrantVolumes"
      Effect    = "Allow"
      Action    = "kms:CreateGrant"
      Resource  = var.key_arn
      Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
    },
  ]

  # What the analysis itself does, wherever it runs.
  analysis = [
    local.list_bucket,
    {
      Sid      = "Read"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [local.folder.artefacts, local.folder.cube, local.folder.input, local.folder.run]
    },
    {
      Sid      = "Write"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = [local.folder.cube, local.folder.quarantine, local.folder.run]
    },
    # A second attempt clears away what the first has left there.
    {
      Sid      = "ClearQuarantine"
      Effect   = "Allow"
      Action   = "s3:DeleteObject"
      Resource = local.folder.quarantine
    },
  ]

  # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-iam-role-for-ec2.html
  emr_instances = concat(local.analysis, [
    {
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      Resource = "${var.log_bucket_arn}/emr/*"
    },
    # What nodes install while they start.
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/private-subnet-iampolicy.html
    {
      Sid    = "ReadRepositories"
      Effect = "Allow"
      Action = "s3:GetObject"
      Resource = [
        "arn:${local.partition}:s3:::al2023-repos-${local.region}-de612dc2/*",
        "arn:${local.partition}:s3:::prod.${local.region}.appinfo.src/*",
        "arn:${local.partition}:s3:::repo.${local.region}.emr.amazonaws.com/*",
      ]
    },
    {
      Sid      = "UseKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource = var.key_arn
    },
  ])

  # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/security-iam-runtime-role.html
  # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
  serverless_job = concat(local.analysis, [
    {
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "${var.log_bucket_arn}/serverless/*"
    },
    {
      Sid      = "UseKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.key_arn
    },
  ])
}

################################################################################
# Glue
# https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html
################################################################################

locals {
  glue = [
    local.list_bucket,
    local.use_key,
    {
      Sid      = "Read"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [local.folder.artefacts, local.folder.cube, local.folder.input, local.folder.output, local.folder.quarantine, local.folder.run]
    },
    # The golden sample is analyzed inside the run's folder, and cleared away.
    {
      Sid      = "Write"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
      Resource = local.folder.run
    },
    # An object whose rows were held against its partial need not be read for that again.
    {
      Sid      = "Record"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = local.folder.reconciled
    },
    # https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging-enable.html
    {
      Sid      = "Log"
      Effect   = "Allow"
      Action   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${local.arn.logs}:log-group:/aws-glue/*", "${local.arn.logs}:log-group:/aws-glue/*:log-stream:*"]
    },
    {
      Sid      = "Connection"
      Effect   = "Allow"
      Action   = "glue:GetConnection"
      Resource = ["${local.arn.glue}:catalog", "${local.arn.glue}:connection/${var.connection_name}"]
    },
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
    {
      Sid      = "Encryption"
      Effect   = "Allow"
      Action   = "glue:GetSecurityConfiguration"
      Resource = "*" # security configurations have no ARN
    },
    # https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
    {
      Sid      = "FindNetwork"
      Effect   = "Allow"
      Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints"]
      Resource = "*" # EC2's describing actions take no resource
    },
    {
      Sid    = "JoinNetwork"
      Effect = "Allow"
      Action = "ec2:CreateNetworkInterface"
      Resource = concat(
        ["${local.arn.ec2}:network-interface/*"],
        [for id in var.subnet_ids : "${local.arn.ec2}:subnet/${id}"],
        ["${local.arn.ec2}:security-group/${var.glue_security_group_id}"],
      )
    },
    {
      Sid       = "TagNetworkInterface"
      Effect    = "Allow"
      Action    = ["ec2:CreateTags", "ec2:DeleteTags"]
      Resource  = "${local.arn.ec2}:network-interface/*"
      Condition = { "ForAllValues:StringEquals" = { "aws:TagKeys" = ["aws-glue-service-resource"] } }
    },
    {
      # By its VPC: a network interface that has lost its tag would stay, and keep the
      # subnet from being deleted.
      Sid       = "LeaveNetwork"
      Effect    = "Allow"
      Action    = "ec2:DeleteNetworkInterface"
      Resource  = "${local.arn.ec2}:network-interface/*"
      Condition = { ArnEquals = { "ec2:Vpc" = "${local.arn.ec2}:vpc/${var.vpc_id}" } }
    },
  ]
}

################################################################################
# EventBridge
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
################################################################################

locals {
  events = [
    {
      Sid      = "StartRun"
      Effect   = "Allow"
      Action   = "states:StartExecution"
      Resource = local.state_machine
    },
  ]
}

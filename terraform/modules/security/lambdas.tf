################################################################################
# Lambdas: what every function needs, and what each does
################################################################################

locals {
  lambda_tasks = {
    # Takes the lease, lists the input, reads headers and the last run's plan.
    plan_run = [
      local.list_bucket,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [local.folder.artefacts, local.folder.input, local.folder.cube, local.folder.run]
      },
      {
        Sid      = "WritePlan"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.folder.run
      },
      # Is the holder of an old lease still running?
      {
        Sid      = "LookAtRuns"
        Effect   = "Allow"
        Action   = "states:DescribeExecution"
        Resource = local.executions
      },
    ]

    # Copies a run's outputs to where they are served, or the last good ones back.
    publish_outputs = [
      local.list_bucket,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [local.folder.artefacts, local.folder.run, local.folder.output, local.folder.manifest]
      },
      {
        Sid      = "Publish"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = [local.folder.run, local.folder.output, local.folder.manifest]
      },
    ]

    generate_manifests = [
      local.list_bucket,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [local.folder.artefacts, local.folder.run, local.folder.output, local.folder.manifest]
      },
      {
        Sid      = "WriteManifests"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = [local.folder.manifest, local.folder.run]
      },
    ]

    validate_manifests = [
      local.list_bucket,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [local.folder.artefacts, local.folder.run, local.folder.output, local.folder.manifest]
      },
      {
        Sid      = "WriteReport"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.folder.run
      },
    ]

    # Cleans up behind a run that ended in any other way than well.
    end_run = [
      local.list_bucket,
      local.publish_notice,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion"]
        Resource = [local.folder.artefacts, local.folder.run, local.folder.output, local.folder.manifest]
      },
      {
        Sid      = "Restore"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = [local.folder.run, local.folder.output, local.folder.manifest]
      },
      {
        Sid      = "ReadStepLogs"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${var.log_bucket_arn}/emr/*"
      },
      {
        Sid      = "ListStepLogs"
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = var.log_bucket_arn
      },
      {
        Sid      = "FindClusters"
        Effect   = "Allow"
        Action   = "elasticmapreduce:ListClusters"
        Resource = "*" # listing takes no resource
      },
      {
        Sid       = "EndClusters"
        Effect    = "Allow"
        Action    = ["elasticmapreduce:DescribeCluster", "elasticmapreduce:DescribeStep", "elasticmapreduce:ListSteps", "elasticmapreduce:TerminateJobFlows"]
        Resource  = local.clusters
        Condition = local.own_cluster
      },
      {
        Sid      = "LookAtRuns"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:GetExecutionHistory"]
        Resource = local.executions
      },
      # Uploads that came while the failed run held the lease still want a run.
      {
        Sid      = "StartPending"
        Effect   = "Allow"
        Action   = "states:StartExecution"
        Resource = local.state_machine
      },
      # EventBridge calls it asynchronously; what it cannot do lands in a queue.
      # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
      {
        Sid      = "DeadLetter"
        Effect   = "Allow"
        Action   = "sqs:SendMessage"
        Resource = "${local.arn.sqs}:${var.dead_letter_queue_name}"
      },
    ]
  }

  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
  ledger = {
    Sid      = "Ledger"
    Effect   = "Allow"
    Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    Resource = local.table
  }

  # https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
  lambdas = { for key, statements in local.lambda_tasks : key => concat(
    [
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${local.arn.logs}:log-group:/aws/lambda/${var.function_names[key]}:*"
      },
      local.trace,
      local.use_key,
      local.ledger,
    ],
    statements,
  ) }
}

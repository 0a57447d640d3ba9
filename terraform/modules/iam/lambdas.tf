################################################################################
# Lambdas: what every function needs, and what each does
################################################################################

locals {
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
  ledger = {
    Sid      = "Ledger"
    Effect   = "Allow"
    Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    Resource = local.table
  }

  lambda_tasks = {
    # Takes the lease, lists the input, reads new objects' headers and the last state.
    # Rolls back a run whose lease expired.
    plan_run = [
      local.ledger,
      {
        Sid      = "TakeLease"
        Effect   = "Allow"
        Action   = "dynamodb:ConditionCheckItem"
        Resource = local.table
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [local.folder.artefacts, local.folder.cube, local.folder.input, local.folder.run]
      },
      {
        Sid      = "RollBack"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = [local.folder.manifest, local.folder.output, local.live]
      },
      {
        Sid      = "WriteSnapshot"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.folder.run
      },
    ]

    # Reads the live state and the run's, and writes the change between them.
    compare_runs = [
      local.ledger,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [local.folder.artefacts, local.folder.cube, local.folder.run]
      },
      {
        Sid      = "WriteChange"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.folder.run
      },
    ]

    # Replaces the published outputs, and writes the run's report.
    publish_outputs = [
      local.ledger,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [local.folder.artefacts, local.folder.run]
      },
      {
        Sid      = "Report"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.folder.run
      },
      {
        Sid      = "Replace"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = local.folder.output
      },
    ]

    generate_manifests = [
      local.ledger,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = local.folder.artefacts
      },
      {
        Sid      = "Replace"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = local.folder.manifest
      },
    ]

    # Reads what is published, and records the run as live if it still holds the lease.
    validate_manifests = [
      local.ledger,
      {
        Sid      = "SetLive"
        Effect   = "Allow"
        Action   = "dynamodb:ConditionCheckItem"
        Resource = local.table
      },
      {
        Sid      = "RecordLive"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.live
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [local.folder.artefacts, local.folder.manifest, local.folder.output, local.folder.run]
      },
    ]

    # Reads what is published, and writes the page of it.
    write_page = [
      local.ledger,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [local.folder.artefacts, local.folder.manifest, local.folder.output, local.folder.run]
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.page
      },
    ]

    # Frees the lease and starts the pending run. After a failed run it also ends the cluster or
    # the job, rolls back and notifies.
    end_run = concat([for statement in local.end_jobs : statement if var.serverless != null], [
      local.ledger,
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = local.folder.run
      },
      {
        Sid      = "RollBack"
        Effect   = "Allow"
        Action   = ["s3:DeleteObject", "s3:PutObject"]
        Resource = [local.folder.manifest, local.folder.output, local.live]
      },
      {
        Sid      = "Report"
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = local.folder.run
      },
      # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticmapreduce.html
      {
        Sid      = "FindClusters"
        Effect   = "Allow"
        Action   = "elasticmapreduce:ListClusters"
        Resource = "*" # listing takes no resource
      },
      {
        Sid       = "EndClusters"
        Effect    = "Allow"
        Action    = ["elasticmapreduce:DescribeCluster", "elasticmapreduce:TerminateJobFlows"]
        Resource  = local.clusters
        Condition = local.own_cluster
      },
      {
        Sid      = "Tell"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = local.topic
      },
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
    ])
  }

  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonemrserverless.html
  end_jobs = [
    {
      Sid      = "FindJobs"
      Effect   = "Allow"
      Action   = "emr-serverless:ListJobRuns"
      Resource = local.application
    },
    {
      Sid      = "EndJobs"
      Effect   = "Allow"
      Action   = "emr-serverless:CancelJobRun"
      Resource = "${local.application}/jobruns/*"
    },
  ]

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
      local.list_bucket,
    ],
    statements,
  ) }
}

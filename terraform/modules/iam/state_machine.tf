################################################################################
# The state machine: per integration, what Step Functions does on its behalf
#
# A `.sync` integration watches its job through a rule that Step Functions keeps
# in the account; without permission to write that rule the machine is refused with
# "not authorized to create managed-rule".
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
################################################################################

locals {
  managed_rule = { for call in ["RunJobFlow", "AddJobFlowSteps", "TerminateJobFlows"] :
    call => "${local.arn.events}:rule/StepFunctionsGetEventForEMR${call}Rule"
  }
  watch = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]

  integrations = {
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
    "lambda:invoke" = [
      { Action = ["lambda:InvokeFunction"], Resource = values(local.functions) },
    ]

    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-auto-termination-policy.html
    # https://docs.aws.amazon.com/emr/latest/ManagementGuide/using-service-linked-roles-cleanup.html
    "elasticmapreduce:createCluster.sync" = [
      # RunJobFlow takes no resource; the tag that the new cluster must carry stands
      # for it.
      { Action = ["elasticmapreduce:RunJobFlow"], Resource = ["*"], Condition = local.own_new_cluster },
      { Action = ["elasticmapreduce:AddTags"], Resource = [local.clusters], Condition = local.own_new_cluster },
      { Action = ["elasticmapreduce:DescribeCluster", "elasticmapreduce:TerminateJobFlows"], Resource = [local.clusters], Condition = local.own_cluster },
      # Asked for while the cluster is made, when it may have no tag yet. They bound a
      # cluster's size and its idle time, no more.
      { Action = ["elasticmapreduce:PutAutoTerminationPolicy", "elasticmapreduce:PutManagedScalingPolicy"], Resource = [local.clusters] },
      { Action = ["iam:PassRole"], Resource = values(local.emr_roles), Condition = { StringEquals = { "iam:PassedToService" = ["ec2.amazonaws.com", "elasticmapreduce.amazonaws.com"] } } },
      { Action = ["iam:CreateServiceLinkedRole"], Resource = ["arn:${local.partition}:iam::${local.account}:role/aws-service-role/elasticmapreduce.amazonaws.com/AWSServiceRoleForEMRCleanup"], Condition = { StringEquals = { "iam:AWSServiceName" = "elasticmapreduce.amazonaws.com" } } },
      { Action = local.watch, Resource = [local.managed_rule.RunJobFlow] },
    ]
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
    "elasticmapreduce:addStep.sync" = [
      { Action = ["elasticmapreduce:AddJobFlowSteps", "elasticmapreduce:CancelSteps", "elasticmapreduce:DescribeStep"], Resource = [local.clusters], Condition = local.own_cluster },
      { Action = local.watch, Resource = [local.managed_rule.AddJobFlowSteps] },
    ]
    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
    "elasticmapreduce:terminateCluster.sync" = [
      { Action = ["elasticmapreduce:DescribeCluster", "elasticmapreduce:TerminateJobFlows"], Resource = [local.clusters], Condition = local.own_cluster },
      { Action = local.watch, Resource = [local.managed_rule.TerminateJobFlows] },
    ]

    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
    # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
    "emr-serverless:startJobRun.sync" = [
      { Action = ["emr-serverless:StartJobRun"], Resource = [local.application] },
      { Action = ["emr-serverless:CancelJobRun", "emr-serverless:GetJobRun"], Resource = ["${local.application}/jobruns/*"] },
      { Action = ["iam:PassRole"], Resource = ["arn:${local.partition}:iam::${local.account}:role/${format(local.role_name, "serverless-job")}"], Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } } },
      { Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.key_arn] }, # of the logs
      { Action = local.watch, Resource = ["${local.arn.events}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"] },
    ]

    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
    "glue:startJobRun.sync" = [
      { Action = ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"], Resource = local.jobs },
    ]

    # https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonquicksight.html
    "aws-sdk:quicksight:createIngestion" = [
      { Action = ["quicksight:CreateIngestion"], Resource = [local.ingestions] },
    ]
    # https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonquicksight.html
    "aws-sdk:quicksight:describeIngestion" = [
      { Action = ["quicksight:DescribeIngestion"], Resource = [local.ingestions] },
    ]

    # https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html
    # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    "sns:publish" = [
      { Action = ["sns:Publish"], Resource = [local.topic] },
      { Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.key_arn] },
    ]
  }

  # The analysis is a step or a job.
  unused = var.serverless == null ? "emr-serverless:startJobRun.sync" : "elasticmapreduce:addStep.sync"

  state_machine_statements = concat(
    # The same permission asked for by two integrations is written once.
    [for statement in distinct(flatten([for name, statements in local.integrations : [for statement in statements : jsonencode(statement)] if name != local.unused])) :
      merge({ Effect = "Allow" }, jsondecode(statement))
    ],
    [
      local.trace,
      # https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
      {
        Sid      = "DeliverLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery"]
        Resource = "*" # log deliveries have no ARN
      },
    ],
  )
}

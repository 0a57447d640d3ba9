data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

################################################################################
# Notices
################################################################################

resource "aws_sns_topic" "notices" {
  name              = var.topic_name
  kms_master_key_id = var.key_arn
}

# Alarms are CloudWatch's, so the topic must admit it.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
resource "aws_sns_topic_policy" "notices" {
  arn = aws_sns_topic.notices.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.notices.arn
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.notices.arn
  protocol  = "email"
  endpoint  = each.key
}

################################################################################
# Alarms
################################################################################

locals {
  # Each is raised by the first event within five minutes.
  counts = {
    runs-failed = {
      description = "A run failed. Its notice says why; the outputs of the previous run stay live."
      namespace   = "AWS/States"
      metric      = "ExecutionsFailed"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      statistic   = "Sum"
    }
    runs-timed-out = {
      description = "A run timed out. end_run has ended its cluster; check that none is left."
      namespace   = "AWS/States"
      metric      = "ExecutionsTimedOut"
      dimensions  = { StateMachineArn = var.state_machine_arn }
      statistic   = "Sum"
    }
    dead-letters = {
      description = "An event was not delivered, or end_run could not finish: an upload may have started no run, or a cluster may still be up."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = var.dead_letter_queue_name }
      statistic   = "Maximum"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "count" {
  for_each = local.counts

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.notices.arn]
}

# No metric holds a cluster's age, and a transient cluster's id is not known
# beforehand. EMR reports every five minutes for each cluster that is up, so an
# unbroken row of reports is a cluster that is too old (or runs without a pause,
# which is worth a look too). An alarm on such a query sees three hours at most.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-alarms.html
resource "aws_cloudwatch_metric_alarm" "old_cluster" {
  count = var.transient_clusters ? 1 : 0

  alarm_name          = "${var.name}-old-cluster"
  alarm_description   = "An EMR cluster has been up for ${var.cluster_age_minutes} minutes. Transient clusters end with their run."
  evaluation_periods  = floor(var.cluster_age_minutes / 5)
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.notices.arn]

  metric_query {
    id          = "clusters"
    label       = "Clusters up"
    expression  = "SELECT COUNT(IsIdle) FROM SCHEMA(\"AWS/ElasticMapReduce\", JobFlowId)"
    period      = 300
    return_data = true
  }
}

################################################################################
# Dashboard
################################################################################

locals {
  region = data.aws_region.current.name

  # [title, metrics, statistic]
  graphs = [
    ["Runs", [for metric in ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"] : ["AWS/States", metric, "StateMachineArn", var.state_machine_arn]], "Sum"],
    ["Time of a run (ms)", [["AWS/States", "ExecutionTime", "StateMachineArn", var.state_machine_arn]], "Maximum"],
    ["Errors of functions", [for name in values(var.function_names) : ["AWS/Lambda", "Errors", "FunctionName", name]], "Sum"],
    ["Time of functions (ms)", [for name in values(var.function_names) : ["AWS/Lambda", "Duration", "FunctionName", name]], "Maximum"],
    ["Nodes of clusters", [[{ expression = "SEARCH('{AWS/ElasticMapReduce,JobFlowId} MetricName=\"CoreNodesRunning\"', 'Maximum', 300)", label = "" }]], "Maximum"],
    ["Dead letters", [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.dead_letter_queue_name]], "Maximum"],
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${var.name}-${local.region}" # dashboards are one list for all regions

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "text"
        x          = 0
        y          = 0
        width      = 24
        height     = 2
        properties = { markdown = join(" · ", [for title, link in var.links : "[${title}](${link})"]) }
      }],
      [for index, graph in local.graphs : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 2 + 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = graph[0]
          metrics = graph[1]
          stat    = graph[2]
          region  = local.region
          period  = 300
          view    = "timeSeries"
        }
      }],
    )
  })
}

################################################################################
# Budget
################################################################################

resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${var.name}-${local.region}" # so are budgets
  budget_type  = "COST"
  limit_amount = format("%.2f", var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  # Needs the tag Project to be activated as a cost allocation tag.
  # https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
  cost_filter {
    name   = "TagKeyValue"
    values = [join("$", ["user:Project", var.name])]
  }

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      notification_type          = notification.key
      subscriber_email_addresses = var.emails
    }
  }
}

output "topic_arn" {
  description = "Topic that takes notices."
  value       = aws_sns_topic.notices.arn
}

output "dashboard_name" {
  description = "The CloudWatch dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarm_names" {
  description = "The alarms."
  value       = sort(concat([for alarm in aws_cloudwatch_metric_alarm.count : alarm.alarm_name], aws_cloudwatch_metric_alarm.old_cluster[*].alarm_name))
}

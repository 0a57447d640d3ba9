output "state_machine_arn" {
  description = "The state machine."
  value       = aws_sfn_state_machine.this.arn
}

output "definition" {
  description = "Its definition as rendered."
  value       = aws_sfn_state_machine.this.definition
}

output "log_group" {
  description = "Log group of its executions."
  value       = aws_cloudwatch_log_group.state_machine.name
}

output "ledger_table" {
  description = "Table with the lease and the runs."
  value       = aws_dynamodb_table.ledger.name
}

output "dead_letter_queue_arn" {
  description = "Queue for events and calls that failed."
  value       = aws_sqs_queue.dead_letters.arn
}

output "dead_letter_queue_url" {
  description = "URL of that queue."
  value       = aws_sqs_queue.dead_letters.url
}

output "rule_names" {
  description = "EventBridge rules, by event."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

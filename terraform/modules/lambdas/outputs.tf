output "arns" {
  description = "ARNs of the functions, by function."
  value       = { for key, function in aws_lambda_function.this : key => function.arn }
}

output "log_groups" {
  description = "Their log groups."
  value       = { for key, group in aws_cloudwatch_log_group.this : key => group.name }
}

output "dashboard_id" {
  description = "Id of the dashboard."
  value       = aws_cloudformation_stack.this.outputs["DashboardId"]
}

output "role_arns" {
  description = "ARNs of the roles by actor: emr-service, emr-instances, glue, state-machine, events, serverless-job and quicksight if they are on, and one per Lambda."
  value       = { for name, role in aws_iam_role.this : name => role.arn }

  # A role is of use to others once its policies are there.
  depends_on = [aws_iam_role_policy.this, aws_iam_role_policy_attachment.emr_service, aws_iam_role_policy_attachment.session_manager]
}

output "instance_profile_name" {
  description = "Instance profile of EMR nodes."
  value       = aws_iam_instance_profile.emr.name

  depends_on = [aws_iam_role_policy.this]
}

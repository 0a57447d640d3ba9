output "bucket_name" {
  description = "The data bucket, once it can be written to safely."
  value       = aws_s3_bucket.data.bucket

  depends_on = [
    aws_s3_bucket_policy.data,
    aws_s3_bucket_versioning.data,
    aws_s3_bucket_server_side_encryption_configuration.data,
    aws_s3_bucket_notification.data,
  ]
}

output "log_bucket_name" {
  description = "The log bucket."
  value       = aws_s3_bucket.logs.bucket

  depends_on = [aws_s3_bucket_policy.logs]
}

output "log_bucket_arn" {
  description = "ARN of the log bucket."
  value       = aws_s3_bucket.logs.arn

  depends_on = [aws_s3_bucket_policy.logs]
}

output "key_arn" {
  description = "ARN of the key that encrypts everything."
  value       = aws_kms_key.this.arn
}

output "artefacts" {
  description = "The uploaded artifacts, by key below artefacts/: key in the bucket, version, and hash."
  value       = { for key, it in aws_s3_object.artefact : key => { key = it.key, version = it.version_id, sha256 = var.artefacts[key].sha256 } }
}

output "artefacts_uri" {
  description = "Address of the artifacts, without a slash at the end."
  value       = "s3://${aws_s3_bucket.data.bucket}/artefacts"

  # An artifact must be uploaded before it runs.
  depends_on = [aws_s3_object.artefact]
}

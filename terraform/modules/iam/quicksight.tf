################################################################################
# QuickSight: lists and reads manifests and what they name, and nothing else
# https://docs.aws.amazon.com/quicksight/latest/user/security-create-iam-role-athena-s3.html
# https://docs.aws.amazon.com/quick/latest/userguide/s3-admin-setup.html wants versions too
################################################################################

locals {
  published = [local.folder.manifest, local.folder.output]
  quicksight = [
    {
      Sid      = "FindBucket"
      Effect   = "Allow"
      Action   = "s3:GetBucketLocation"
      Resource = var.bucket_arn
    },
    {
      # Asking for the bucket itself names no prefix, and may be what QuickSight does first.
      Sid       = "ListPublished"
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = var.bucket_arn
      Condition = { StringLikeIfExists = { "s3:prefix" = [for folder in local.published : trimprefix(folder, "${var.bucket_arn}/")] } }
    },
    {
      Sid      = "ReadPublished"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = local.published
    },
    {
      Sid      = "Decrypt"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.key_arn
    },
  ]
}

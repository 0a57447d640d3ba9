################################################################################
# QuickSight: reads manifests and what they name, and nothing else
# https://docs.aws.amazon.com/quicksight/latest/user/security-create-iam-role-athena-s3.html
################################################################################

locals {
  quicksight = [
    local.list_bucket,
    {
      Sid      = "ReadPublished"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:GetObjectVersion"]
      Resource = [local.folder.manifest, local.folder.output]
    },
    {
      Sid      = "Decrypt"
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.key_arn
    },
  ]
}

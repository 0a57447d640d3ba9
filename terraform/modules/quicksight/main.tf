# The group of readers, where its members are named.
resource "aws_quicksight_group" "readers" {
  count    = length(var.readers.members) == 0 ? 0 : 1
  provider = aws.identity

  group_name  = var.readers.group
  description = "Readers of the dashboard ${var.name}"
}

resource "aws_quicksight_group_membership" "readers" {
  for_each = toset(var.readers.members)
  provider = aws.identity

  group_name  = aws_quicksight_group.readers[0].group_name
  member_name = each.key
}

# Data sources, data sets, analysis and dashboard are one template, which the
# build derives from the contract. The provider's own resources have no alt text,
# and never send how a file is to be read (s3_source.upload_settings).
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_QuickSight.html
resource "aws_cloudformation_stack" "this" {
  #checkov:skip=CKV_AWS_124: Terraform waits for the stack and shows its events when it fails.
  name = "${var.name}-quicksight"

  # By address: a template in the request may have 51,200 bytes. A changed one has
  # another name.
  template_url = var.template_url

  parameters = {
    Name    = var.name
    Bucket  = var.bucket_name
    RoleArn = var.role_arn
    Owner   = var.owner_arn
    Readers = var.readers_arn
  }

  # A data source reads its manifest, and a data set loads its rows.
  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }

  depends_on = [aws_quicksight_group.readers]
}

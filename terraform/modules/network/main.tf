data "aws_partition" "current" {}

data "aws_region" "current" {}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394: the first two of the sorted names are taken, and AWS adds zones behind them
  state = "available"

  # Local Zones and Wavelength Zones have neither EMR nor Glue.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

# Not every zone of a region has every type of instance.
data "aws_ec2_instance_type_offerings" "nodes" {
  for_each = toset(var.instance_types)

  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [each.key]
  }
}

locals {
  region    = data.aws_region.current.name
  partition = data.aws_partition.current.partition

  # Clusters are made in the first zone, so it must be one that offers their types.
  offering = [for zone in data.aws_availability_zones.available.names : zone if alltrue([for type in data.aws_ec2_instance_type_offerings.nodes : contains(type.locations, zone)])]
  zones    = slice(distinct(concat(local.offering, data.aws_availability_zones.available.names)), 0, 2)

  # EMR's managed service policy acts only on a network that carries this tag.
  # https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-managed-iam-policies.html
  emr_tags = { "for-use-with-amazon-emr-managed-policies" = "true" }
}

################################################################################
# VPC: private subnets in two zones, no way to the internet
################################################################################

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # interface endpoints answer under AWS's own names

  tags = merge(local.emr_tags, { Name = var.name })
}

# The group that AWS makes with the VPC: without rules, so that nothing can be
# put into it by accident.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-unused" }
}

resource "aws_subnet" "private" {
  count = length(local.zones)

  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.vpc_cidr, 2, count.index)

  map_public_ip_on_launch = false

  tags = merge(local.emr_tags, { Name = "${var.name}-private-${local.zones[count.index]}" })

  lifecycle {
    precondition {
      condition     = length(local.offering) > 0
      error_message = "No zone of ${local.region} offers ${join(" and ", distinct(var.instance_types))}: set emr_primary_instance_type and emr_core_instance_type to types that one zone offers."
    }
  }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  count = length(aws_subnet.private)

  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_flow_log" "this" {
  vpc_id                   = aws_vpc.this.id
  traffic_type             = "ALL"
  log_destination_type     = "s3"
  log_destination          = var.log_bucket_arn # under AWSLogs/
  max_aggregation_interval = 600

  tags = { Name = var.name }
}

################################################################################
# Gateway endpoint: S3, and of S3 only what this project needs
################################################################################

locals {
  # The repositories that EMR 7 nodes install from while they start.
  # https://docs.aws.amazon.com/emr/latest/ManagementGuide/private-subnet-iampolicy.html
  repository_buckets = [
    "al2023-repos-${local.region}-de612dc2",
    "prod.${local.region}.appinfo.src",
    "repo.${local.region}.emr.amazonaws.com",
  ]
  system_log_bucket = local.region == "us-east-1" ? "aws157-logs-prod" : "aws157-logs-prod-${local.region}"

  s3_endpoint_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OwnBuckets"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*", "s3:ListBucket*", "s3:GetBucket*", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        Resource  = flatten([for arn in var.bucket_arns : [arn, "${arn}/*"]])
      },
      {
        Sid       = "Repositories"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = ["s3:GetObject", "s3:ListBucket"]
        Resource  = flatten([for name in local.repository_buckets : ["arn:${local.partition}:s3:::${name}", "arn:${local.partition}:s3:::${name}/*"]])
      },
      # EMR's own copy of a cluster's logs, which AWS Support reads.
      {
        Sid       = "SystemLogs"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = "s3:PutObject*"
        Resource  = "arn:${local.partition}:s3:::${local.system_log_bucket}/*"
      },
      # Spark's history, which the console shows after a cluster has ended.
      {
        Sid       = "ApplicationHistory"
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Action    = ["s3:AbortMultipartUpload", "s3:CreateMultipartUpload", "s3:GetObject*", "s3:ListBucket", "s3:ListMultipartUploadParts", "s3:PutObject*"]
        Resource  = "arn:${local.partition}:s3:::prod.${local.region}.appinfo.src/*"
      },
    ]
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy            = jsonencode(local.s3_endpoint_policy)

  tags = { Name = "${var.name}-s3" }
}

data "aws_prefix_list" "s3" {
  name = "com.amazonaws.${local.region}.s3"
}

################################################################################
# Interface endpoints: the other services that nodes and jobs call
#
# EMR's nodes and Glue's workers ask KMS for data keys. Glue itself reaches the
# Catalog and CloudWatch through its own proxy, unless a job sets
# --disable-proxy-v2, and EMR calls neither: its logs go to S3.
# https://docs.aws.amazon.com/glue/latest/dg/connection-VPC-disable-proxy.html
################################################################################

locals {
  interface_endpoints = toset(concat(
    ["kms"],
    # https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html
    var.session_manager ? ["ssm", "ssmmessages"] : [],
  ))
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${local.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [aws_subnet.private[0].id] # where clusters and jobs are
  security_group_ids  = [aws_security_group.this["endpoints"].id]

  tags = { Name = "${var.name}-${each.key}" }
}

################################################################################
# Security groups
#
# Groups refer to each other, so a group that held its rules could never be
# deleted: every rule is a resource of its own. EMR finds the rules that it wants
# and adds none, so that `terraform destroy` meets no rules that it does not know.
# https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html
################################################################################

locals {
  security_groups = {
    primary        = "EMR primary node"
    core           = "EMR core and task nodes"
    service_access = "EMR service, into a private subnet"
    glue           = "Glue jobs"
    endpoints      = "Interface endpoints"
  }

  # name = [from group, to group, protocol, from port, to port]; each becomes an
  # egress rule of the first group and an ingress rule of the second.
  flows = {
    primary-primary-tcp  = ["primary", "primary", "tcp", 0, 65535]
    primary-primary-udp  = ["primary", "primary", "udp", 0, 65535]
    primary-primary-icmp = ["primary", "primary", "icmp", -1, -1]
    primary-core-tcp     = ["primary", "core", "tcp", 0, 65535]
    primary-core-udp     = ["primary", "core", "udp", 0, 65535]
    primary-core-icmp    = ["primary", "core", "icmp", -1, -1]
    core-primary-tcp     = ["core", "primary", "tcp", 0, 65535]
    core-primary-udp     = ["core", "primary", "udp", 0, 65535]
    core-primary-icmp    = ["core", "primary", "icmp", -1, -1]
    core-core-tcp        = ["core", "core", "tcp", 0, 65535]
    core-core-udp        = ["core", "core", "udp", 0, 65535]
    core-core-icmp       = ["core", "core", "icmp", -1, -1]
    service-primary      = ["service_access", "primary", "tcp", 8443, 8443]
    service-core         = ["service_access", "core", "tcp", 8443, 8443]
    primary-service      = ["primary", "service_access", "tcp", 9443, 9443]
    primary-service-tls  = ["primary", "service_access", "tcp", 443, 443]
    core-service-tls     = ["core", "service_access", "tcp", 443, 443]
    primary-endpoints    = ["primary", "endpoints", "tcp", 443, 443]
    core-endpoints       = ["core", "endpoints", "tcp", 443, 443]
    glue-endpoints       = ["glue", "endpoints", "tcp", 443, 443]
    glue-glue            = ["glue", "glue", "tcp", 0, 65535]
  }
  connect_flows = var.instance_connect_endpoint ? {
    connect-primary = ["connect", "primary", "tcp", 22, 22]
    connect-core    = ["connect", "core", "tcp", 22, 22]
  } : {}
  # Jobs of EMR Serverless call out; the service lets nobody in.
  # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/vpc-access.html
  serverless_flows = var.serverless ? { serverless-endpoints = ["serverless", "endpoints", "tcp", 443, 443] } : {}
  all_flows        = merge(local.flows, local.connect_flows, local.serverless_flows)

  ssh = { for pair in setproduct(["primary", "core"], var.ssh_allowed_cidrs) : "${pair[0]} ${pair[1]}" => { group = pair[0], cidr = pair[1] } }
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5: the emr and glue modules attach them; checkov does not look across modules
  for_each = merge(
    local.security_groups,
    var.instance_connect_endpoint ? { connect = "EC2 Instance Connect endpoint" } : {},
    var.serverless ? { serverless = "EMR Serverless jobs" } : {},
  )

  name        = "${var.name}-${replace(each.key, "_", "-")}"
  description = each.value
  vpc_id      = aws_vpc.this.id

  tags = merge(local.emr_tags, { Name = "${var.name}-${replace(each.key, "_", "-")}" })
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each = local.all_flows

  description                  = "From the ${replace(each.value[0], "_", " ")} group"
  security_group_id            = aws_security_group.this[each.value[1]].id
  referenced_security_group_id = aws_security_group.this[each.value[0]].id
  ip_protocol                  = each.value[2]
  from_port                    = each.value[3]
  to_port                      = each.value[4]

  tags = { Name = each.key }
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each = local.all_flows

  description                  = "To the ${replace(each.value[1], "_", " ")} group"
  security_group_id            = aws_security_group.this[each.value[0]].id
  referenced_security_group_id = aws_security_group.this[each.value[1]].id
  ip_protocol                  = each.value[2]
  from_port                    = each.value[3]
  to_port                      = each.value[4]

  tags = { Name = each.key }

  # One list of rules at a time: a group's ingress and egress changed at the
  # same moment is a race that deletion can lose.
  depends_on = [aws_vpc_security_group_ingress_rule.flow]
}

# https://docs.aws.amazon.com/emr/latest/ManagementGuide/emr-man-sec-groups.html has all of TCP
# to S3 as what EMR's nodes need at least.
resource "aws_vpc_security_group_egress_rule" "s3" {
  for_each = merge({ primary = [0, 65535], core = [0, 65535], glue = [443, 443] }, var.serverless ? { serverless = [443, 443] } : {})

  description       = "To S3 through its gateway endpoint"
  security_group_id = aws_security_group.this[each.key].id
  prefix_list_id    = data.aws_prefix_list.s3.id
  ip_protocol       = "tcp"
  from_port         = each.value[0]
  to_port           = each.value[1]

  tags = { Name = "${each.key}-s3" }

  depends_on = [aws_vpc_security_group_egress_rule.flow]
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = local.ssh

  description       = "SSH, as ssh_allowed_cidrs says"
  security_group_id = aws_security_group.this[each.value.group].id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22

  tags = { Name = "ssh-${each.value.group}" }

  depends_on = [aws_vpc_security_group_egress_rule.s3]
}

################################################################################
# SSH for people, without a public address
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/connect-with-ec2-instance-connect-endpoint.html
################################################################################

resource "aws_ec2_instance_connect_endpoint" "this" {
  count = var.instance_connect_endpoint ? 1 : 0

  subnet_id          = aws_subnet.private[0].id
  security_group_ids = [aws_security_group.this["connect"].id]
  preserve_client_ip = false

  tags = { Name = var.name }
}

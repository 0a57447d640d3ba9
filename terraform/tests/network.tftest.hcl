# Who may reach what.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "test"
  vpc_cidr       = "10.20.0.0/22"
  bucket_arns    = ["arn:aws:s3:::data", "arn:aws:s3:::logs"]
  log_bucket_arn = "arn:aws:s3:::logs"
  instance_types = ["m5.xlarge", "r5.xlarge"]

  ssh_allowed_cidrs         = []
  instance_connect_endpoint = false
  session_manager           = false
  serverless                = false
}

run "closed_by_default" {
  command = apply

  module {
    source = "./modules/network"
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0 && length(aws_ec2_instance_connect_endpoint.this) == 0
    error_message = "Nobody gets in by SSH unless asked for."
  }

  assert {
    condition = alltrue([for rule in concat(values(aws_vpc_security_group_ingress_rule.flow), values(aws_vpc_security_group_egress_rule.flow), values(aws_vpc_security_group_egress_rule.s3)) :
      rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && (rule.referenced_security_group_id != null || rule.prefix_list_id != null)
    ])
    error_message = "Every rule names a group or AWS's prefix list; none names addresses."
  }

  assert {
    condition     = alltrue([for key, group in aws_security_group.this : group.tags["for-use-with-amazon-emr-managed-policies"] == "true"])
    error_message = "EMR's managed policy acts on tagged groups only."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch != true])
    error_message = "Private subnets give no public addresses."
  }

  assert {
    condition     = toset([for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Sid]) == toset(["OwnBuckets", "Repositories", "SystemLogs", "ApplicationHistory"]) && !strcontains(aws_vpc_endpoint.s3.policy, "\"Resource\":\"*\"")
    error_message = "The S3 endpoint admits the project's buckets and what EMR documents, and nothing else."
  }

  assert {
    condition     = { for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Sid => statement.Resource if contains(["SystemLogs", "ApplicationHistory"], statement.Sid) } == { SystemLogs = "arn:aws:s3:::aws157-logs-prod-eu-central-1/*", ApplicationHistory = "arn:aws:s3:::prod.eu-central-1.appinfo.src/*" }
    error_message = "EMR may keep its own logs and the history of applications: ${aws_vpc_endpoint.s3.policy}"
  }

  assert {
    condition     = { for key, rule in aws_vpc_security_group_egress_rule.s3 : key => [rule.from_port, rule.to_port] } == { primary = [0, 65535], core = [0, 65535], glue = [443, 443] }
    error_message = "EMR's nodes reach S3 by all of TCP, Glue's workers by TLS."
  }

  assert {
    condition     = alltrue([for node in ["primary", "core"] : aws_vpc_security_group_egress_rule.flow["${node}-service-tls"].from_port == 443 && aws_vpc_security_group_egress_rule.flow["${node}-service-tls"].to_port == 443])
    error_message = "EMR's nodes reach its service by TLS."
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["kms"] && length(aws_vpc_endpoint.interface["kms"].subnet_ids) == 1
    error_message = "An interface endpoint costs by the hour and zone: one, in the zone of clusters and jobs."
  }
}

run "in_us_east_1" {
  command = plan

  module {
    source = "./modules/network"
  }

  override_data {
    target = data.aws_region.current
    values = { name = "us-east-1" }
  }

  assert {
    condition     = strcontains(aws_vpc_endpoint.s3.policy, "arn:aws:s3:::aws157-logs-prod/*")
    error_message = "The system log bucket of us-east-1 has no region in its name."
  }
}

run "first_zone_without_the_instance_type" {
  command = plan

  module {
    source = "./modules/network"
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.nodes["r5.xlarge"]
    values = { locations = ["eu-central-1c"] }
  }

  assert {
    condition     = join(" ", output.zones) == "eu-central-1c eu-central-1a"
    error_message = "Clusters are made in a zone that offers all their types: ${jsonencode(output.zones)}"
  }
}

run "no_zone_with_the_instance_type" {
  command = plan

  module {
    source = "./modules/network"
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.nodes["r5.xlarge"]
    values = { locations = [] }
  }

  expect_failures = [aws_subnet.private]
}

run "ssh_from_two_networks" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    ssh_allowed_cidrs = ["10.0.0.0/8", "203.0.113.0/24"]
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 4 && alltrue([for rule in aws_vpc_security_group_ingress_rule.ssh : rule.from_port == 22 && rule.to_port == 22 && rule.ip_protocol == "tcp"])
    error_message = "Each network is one rule on port 22 for each of the two kinds of node."
  }
}

run "ways_in_for_people" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    instance_connect_endpoint = true
    session_manager           = true
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.flow["connect-core"].from_port == 22 && output.instance_connect_endpoint_id != null
    error_message = "The Instance Connect endpoint reaches port 22."
  }

  assert {
    condition     = contains(keys(aws_vpc_endpoint.interface), "ssmmessages")
    error_message = "Session Manager needs its endpoints."
  }
}

# Who may reach what.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "test"
  vpc_cidr       = "10.20.0.0/22"
  bucket_arns    = ["arn:aws:s3:::data", "arn:aws:s3:::logs"]
  log_bucket_arn = "arn:aws:s3:::logs"
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
    condition     = toset([for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Sid]) == toset(["OwnBuckets", "Repositories"]) && !strcontains(aws_vpc_endpoint.s3.policy, "\"Resource\":\"*\"")
    error_message = "Through the S3 endpoint lead ways to the project's buckets and to EMR's repositories."
  }
}

run "ssh_from_two_networks" {
  command = apply

  module {
    source = "./modules/network"
  }

  variables {
    ssh_allowed_cidrs = ["10.0.0.0/8", "2001:db8::/32"]
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 4 && alltrue([for rule in aws_vpc_security_group_ingress_rule.ssh : rule.from_port == 22 && rule.to_port == 22 && rule.ip_protocol == "tcp"])
    error_message = "Each network is one rule on port 22 for each of the two kinds of node."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh["core 2001:db8::/32"].cidr_ipv6 == "2001:db8::/32"
    error_message = "An IPv6 network is an IPv6 rule."
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

output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "The private subnets, one per zone."
  value       = aws_subnet.private[*].id
}

output "zones" {
  description = "Availability zones of the private subnets, in the same order."
  value       = local.zones
}

output "security_group_ids" {
  description = "Security groups: primary, core, service_access, glue, endpoints; and serverless in that mode."
  value       = { for name, group in aws_security_group.this : name => group.id }

  # Machines started in a group need its rules too.
  depends_on = [
    aws_vpc_security_group_ingress_rule.flow,
    aws_vpc_security_group_egress_rule.flow,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.ssh,
  ]
}

output "instance_connect_endpoint_id" {
  description = "The EC2 Instance Connect endpoint, or null without one."
  value       = one(aws_ec2_instance_connect_endpoint.this[*].id)
}

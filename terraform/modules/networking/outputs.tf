output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.main.id
}

output "public_subnet_ids" {
  description = "One subnet for each zone, with a route to the internet."
  value       = [for subnet in aws_subnet.public : subnet.id]
}

output "private_subnet_ids" {
  description = "One subnet for each zone, which cannot be reached from outside."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "load_balancer_security_group_id" {
  description = "Group of the load balancer."
  value       = aws_security_group.group["load-balancer"].id
}

output "task_security_group_ids" {
  description = "Group of each service's tasks."
  value       = { for service in ["backend", "ml-service"] : service => aws_security_group.group[service].id }
}

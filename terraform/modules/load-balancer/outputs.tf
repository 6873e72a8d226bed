output "dns_name" {
  description = "Name that clients connect to."
  value       = aws_lb.main.dns_name
}

output "target_group_arn" {
  description = "Target group that backend tasks join."
  value       = aws_lb_target_group.backend.arn
}

output "alb_resource_label" {
  description = "The load balancer's label for CloudWatch and autoscaling."
  value       = aws_lb.main.arn_suffix
}

output "target_group_resource_label" {
  description = "The target group's label for CloudWatch and autoscaling."
  value       = aws_lb_target_group.backend.arn_suffix
}

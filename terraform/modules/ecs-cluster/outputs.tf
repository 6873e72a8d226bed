output "cluster_name" {
  description = "The cluster."
  value       = aws_ecs_cluster.main.name
}

output "service_names" {
  description = "ECS service of backend and ml-service."
  value       = { for service, made in aws_ecs_service.service : service => made.name }
}

output "task_definitions" {
  description = "ARN of each service's task definition, with its revision."
  value       = { for service, definition in aws_ecs_task_definition.service : service => definition.arn }
}

output "log_groups" {
  description = "Log group of each service."
  value       = { for service, group in aws_cloudwatch_log_group.service : service => group.name }
}

output "api_key_secret" {
  description = "Name of the secret with the API key; empty: no key is required."
  value       = join("", [for secret in aws_secretsmanager_secret.api_key : secret.name])
}

output "images" {
  description = "Image of each service, once it is in the repository."
  value       = { for service, repository in aws_ecr_repository.service : service => "${repository.repository_url}:${local.tag}" }
  depends_on  = [terraform_data.image]
}

output "repository_arns" {
  description = "ARN of each service's repository."
  value       = { for service, repository in aws_ecr_repository.service : service => repository.arn }
}

output "repository_urls" {
  description = "URL of each service's repository."
  value       = { for service, repository in aws_ecr_repository.service : service => repository.repository_url }
}

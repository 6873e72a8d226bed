output "alb_endpoint" {
  description = "DNS name of the load balancer."
  value       = module.load_balancer.dns_name
}

output "backend_api_url" {
  description = "URL of the API and of the page."
  value       = local.backend_url
}

output "api_endpoints" {
  description = "URLs of the API's main calls."
  value = {
    for name, path in {
      health     = "health"
      ready      = "ready"
      upload_url = "upload-url"
      images     = "images"
      submit     = "submit"
      status     = "status/{job_id}"
      result     = "result/{job_id}"
      jobs       = "jobs"
      docs       = "docs"
    } : name => "${local.backend_url}/${path}"
  }
}

output "aws_resources" {
  description = "Names of resources, for the scripts and for people."
  value = {
    region                    = var.aws_region
    account_id                = local.account_id
    input_bucket              = module.storage.buckets["input"].name
    output_bucket             = module.storage.buckets["output"].name
    dynamodb_table            = module.storage.table.name
    request_queue_url         = module.queues.queues["requests"].url
    status_queue_url          = module.queues.queues["status"].url
    request_dead_letter_queue = module.queues.queues["requests"].dead_letter_url
    status_dead_letter_queue  = module.queues.queues["status"].dead_letter_url
    backend_repository        = module.container_registry.repository_urls["backend"]
    ml_service_repository     = module.container_registry.repository_urls["ml-service"]
    backend_log_group         = module.ecs_cluster.log_groups["backend"]
    ml_service_log_group      = module.ecs_cluster.log_groups["ml-service"]
    backend_task_definition   = module.ecs_cluster.task_definitions["backend"]
    ml_task_definition        = module.ecs_cluster.task_definitions["ml-service"]
    api_key_secret            = module.ecs_cluster.api_key_secret
    vpc_id                    = module.networking.vpc_id
  }
}

output "cluster_name" {
  description = "Name of the ECS cluster."
  value       = module.ecs_cluster.cluster_name
}

output "backend_service_name" {
  description = "Name of the backend's ECS service."
  value       = module.ecs_cluster.service_names["backend"]
}

output "ml_service_name" {
  description = "Name of the ML service's ECS service."
  value       = module.ecs_cluster.service_names["ml-service"]
}

output "alb_resource_label" {
  description = "The load balancer's label in CloudWatch metrics."
  value       = module.load_balancer.alb_resource_label
}

output "target_group_resource_label" {
  description = "The backend's target group's label in CloudWatch metrics."
  value       = module.load_balancer.target_group_resource_label
}

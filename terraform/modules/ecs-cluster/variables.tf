variable "project_name" {
  description = "Prefix of the names."
  type        = string
}

variable "environment" {
  description = "Suffix of the names."
  type        = string
}

variable "aws_region" {
  description = "Region of the logs and of the resources that the services use."
  type        = string
}

variable "images" {
  description = "Image of each service."
  type        = map(string)
}

variable "repository_arns" {
  description = "ARN of each service's repository."
  type        = map(string)
}

variable "subnet_ids" {
  description = "Private subnets of the tasks."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security group of each service's tasks."
  type        = map(string)
}

variable "target_group_arn" {
  description = "Target group of the backend."
  type        = string
}

variable "alb_resource_label" {
  description = "The load balancer's label for autoscaling."
  type        = string
}

variable "target_group_resource_label" {
  description = "The target group's label for autoscaling."
  type        = string
}

variable "buckets" {
  description = "The buckets input and output."
  type        = map(object({ name = string, arn = string }))
}

variable "table" {
  description = "The job table."
  type        = object({ name = string, arn = string })
}

variable "queues" {
  description = "The queues requests and status."
  type        = map(object({ name = string, url = string, arn = string, dead_letter_arn = string }))
}

variable "backend_url" {
  description = "URL of the backend as clients see it."
  type        = string
}

variable "allowed_origins" {
  description = "Origins of pages that may call the API."
  type        = list(string)
}

variable "trusted_proxies" {
  description = "Ranges of the load balancer, which is trusted to give a client's address."
  type        = list(string)
}

variable "api_key_required" {
  description = "Generate a key and require it."
  type        = bool
}

variable "existing_role_arn" {
  description = "Role for all tasks; null: create roles."
  type        = string
}

variable "services" {
  description = "Size and counts of the services backend and ml-service."
  type        = map(object({ cpu = number, memory = number, min_count = number, max_count = number }))
}

variable "ml_backlog_per_task" {
  description = "Target of autoscaling: visible messages for each ML task."
  type        = number
}

variable "ml_use_spot" {
  description = "Fargate Spot for ML tasks."
  type        = bool
}

variable "visibility_timeout" {
  description = "Seconds that a worker holds a message."
  type        = number
}

variable "job_retention_days" {
  description = "Days until jobs are removed; 0: never."
  type        = number
}

variable "log_level" {
  description = "Lowest severity that is logged."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "container_insights" {
  description = "Container Insights."
  type        = bool
}

variable "secret_recovery_window" {
  description = "Days that a deleted secret can be restored; 0: deleted at once."
  type        = number
}

# Settings: in terraform.tfvars, or with scripts/deploy.sh --var NAME=VALUE.

variable "aws_region" {
  description = "Region in which everything is created."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.aws_region))
    error_message = "aws_region must be the name of a region, such as us-east-1."
  }
}

variable "project_name" {
  description = "Prefix of the names of all resources. A second deployment in one account needs another one."
  type        = string
  default     = "distributed-classifier"

  # Bucket names end in the environment and the account, and have at most 63 characters; ECR allows no two hyphens in a row.
  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.project_name)) && length(var.project_name) >= 3 && length(var.project_name) <= 30
    error_message = "project_name must be 3 to 30 lower-case letters, digits and single hyphens between them, and begin with a letter."
  }
  validation {
    condition     = !can(regex("^(internal|sg|xn|sthree|amzn)-", "${var.project_name}-"))
    error_message = "project_name must not begin with internal-, sg-, xn-, sthree- or amzn-: AWS reserves such names."
  }
}

variable "environment" {
  description = "Kind of deployment, such as dev or prod; suffix of the names."
  type        = string
  default     = "dev"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "environment must be 2 to 8 lower-case letters and digits, and begin with a letter."
  }
}

# Access

variable "allowed_cidrs" {
  description = "IPv4 networks that may reach the load balancer; none: nobody. scripts/deploy.sh sets your own address."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr)) && try(cidrsubnet(cidr, 0, 0), "") == cidr])
    error_message = "allowed_cidrs must be IPv4 networks, such as 203.0.113.7/32 or 203.0.113.0/24, with no bits set after the prefix."
  }
}

variable "certificate_arn" {
  description = "Certificate (ACM, same region) for HTTPS. Without one the API is HTTP: suitable only for trials from allowed_cidrs."
  type        = string
  default     = ""

  validation {
    condition     = var.certificate_arn == "" || can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "certificate_arn must be the ARN of a certificate in ACM, or empty."
  }
}

variable "domain_name" {
  description = "Name that the certificate is for and that you point to the load balancer; empty: the load balancer's own name."
  type        = string
  default     = ""

  validation {
    condition     = var.domain_name == "" || can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", var.domain_name))
    error_message = "domain_name must be a host's name without https://, such as classifier.example.com, or empty."
  }
}

variable "allowed_origins" {
  description = "Origins of other pages that may call the API and upload (CORS). The deployed page is always allowed."
  type        = list(string)
  default     = ["http://localhost:8501"]

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[^/*]+$", origin))])
    error_message = "allowed_origins must be like https://page.example.com: no path, no *."
  }
}

variable "api_key_required" {
  description = "Generate an API key, keep it in Secrets Manager and require it from every caller."
  type        = bool
  default     = true
}

variable "existing_role_name" {
  description = "Existing role for all tasks, such as LabRole; empty: create least-privilege roles."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{0,64}$", var.existing_role_name))
    error_message = "existing_role_name must be the name of a role, not its ARN, or empty."
  }
}

# Services. CPU units (1024 is one vCPU) and MiB, in the combinations that Fargate supports.

variable "backend_cpu" {
  description = "CPU units of a backend task."
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.backend_cpu)
    error_message = "backend_cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "backend_memory" {
  description = "MiB of a backend task."
  type        = number
  default     = 1024
}

variable "backend_min_count" {
  description = "Minimum of backend tasks. Two survive the loss of a zone."
  type        = number
  default     = 1

  validation {
    condition     = var.backend_min_count >= 1 && floor(var.backend_min_count) == var.backend_min_count
    error_message = "backend_min_count must be a whole number, 1 or more."
  }
}

variable "backend_max_count" {
  description = "Maximum of backend tasks."
  type        = number
  default     = 10

  validation {
    condition     = floor(var.backend_max_count) == var.backend_max_count
    error_message = "backend_max_count must be a whole number."
  }
}

variable "ml_cpu" {
  description = "CPU units of an ML task."
  type        = number
  default     = 2048

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.ml_cpu)
    error_message = "ml_cpu must be 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "ml_memory" {
  description = "MiB of an ML task."
  type        = number
  default     = 4096
}

variable "ml_min_count" {
  description = "Minimum of ML tasks; 0: none while there is no work, and the first message starts one (three to five minutes later)."
  type        = number
  default     = 1

  validation {
    condition     = var.ml_min_count >= 0 && floor(var.ml_min_count) == var.ml_min_count
    error_message = "ml_min_count must be a whole number, 0 or more."
  }
}

variable "ml_max_count" {
  description = "Maximum of ML tasks. New accounts may have a lower quota of Fargate vCPUs: see SETUP.md."
  type        = number
  default     = 50

  validation {
    condition     = var.ml_max_count >= 1 && floor(var.ml_max_count) == var.ml_max_count
    error_message = "ml_max_count must be a whole number, 1 or more."
  }
}

variable "ml_backlog_per_task" {
  description = "Target of autoscaling, visible messages for each ML task: docs/autoscaling.md."
  type        = number
  default     = 1000

  validation {
    condition     = var.ml_backlog_per_task >= 1
    error_message = "ml_backlog_per_task must be 1 or more."
  }
}

variable "ml_use_spot" {
  description = "Run ML tasks on Fargate Spot: about 70 % cheaper, but AWS may reclaim them or have none. No image is lost."
  type        = bool
  default     = false
}

variable "image_tag" {
  description = "Tag of images that exist in the repositories; empty: build them from this source tree and push them."
  type        = string
  default     = ""

  validation {
    condition     = var.image_tag == "" || can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag))
    error_message = "image_tag must be up to 128 letters, digits, dots, hyphens and underscores, or empty."
  }
}

variable "visibility_timeout" {
  description = "Seconds until an image that a worker holds is given to another."
  type        = number
  default     = 60

  validation {
    condition     = var.visibility_timeout >= 5 && var.visibility_timeout <= 43200 && floor(var.visibility_timeout) == var.visibility_timeout
    error_message = "visibility_timeout must be 5 to 43200 whole seconds."
  }
}

variable "log_level" {
  description = "Lowest severity that is logged."
  type        = string
  default     = "info"

  validation {
    condition     = contains(["debug", "info", "warn", "error"], var.log_level)
    error_message = "log_level must be debug, info, warn or error."
  }
}

# Network

variable "vpc_cidr" {
  description = "Network of the VPC."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = try(cidrsubnet(var.vpc_cidr, 0, 0), "") == var.vpc_cidr && can(regex("^[0-9.]+/(1[6-9]|20)$", var.vpc_cidr))
    error_message = "vpc_cidr must be an IPv4 network of /16 to /20, such as 10.42.0.0/16: AWS allows none larger, and a smaller one has no room for many tasks."
  }
}

variable "egress" {
  description = "How tasks reach AWS: nat (a NAT gateway), or endpoints (interface endpoints, and no access to the internet)."
  type        = string
  default     = "nat"

  validation {
    condition     = contains(["nat", "endpoints"], var.egress)
    error_message = "egress must be nat or endpoints."
  }
}

variable "nat_gateway_per_zone" {
  description = "A NAT gateway in each zone, so that the loss of one zone does not cut off the other; doubles the price."
  type        = bool
  default     = false
}

# Retention and deletion

variable "force_destroy" {
  description = "Let destroy remove buckets and repositories with their contents. false protects them, the table and the load balancer."
  type        = bool
  default     = true
}

variable "image_retention_days" {
  description = "Days until uploaded images and sorted copies are removed; 0: never."
  type        = number
  default     = 90

  validation {
    condition     = var.image_retention_days >= 0 && floor(var.image_retention_days) == var.image_retention_days
    error_message = "image_retention_days must be a whole number, 0 or more."
  }
}

variable "job_retention_days" {
  description = "Days until jobs and their results are removed; 0: never."
  type        = number
  default     = 90

  validation {
    condition     = var.job_retention_days >= 0 && var.job_retention_days <= 36500 && floor(var.job_retention_days) == var.job_retention_days
    error_message = "job_retention_days must be a whole number, 0 to 36500."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days must be a value that CloudWatch supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731."
  }
}

variable "alarm_email" {
  description = "Email address for alarms (AWS asks to confirm it); empty: alarms are only shown in CloudWatch."
  type        = string
  default     = ""

  validation {
    condition     = var.alarm_email == "" || can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alarm_email))
    error_message = "alarm_email must be an address such as you@example.com, or empty."
  }
}

variable "container_insights" {
  description = "CloudWatch Container Insights: more metrics, for a price. Autoscaling does not need it."
  type        = bool
  default     = false
}

# Everything of one deployment. The first comment of each module says what it creates.

data "aws_caller_identity" "current" {}

# Not in the module that uses it: that module waits for others, so any change in those would make the role, and with it
# every task, appear changed.
data "aws_iam_role" "existing" {
  for_each = toset(compact([var.existing_role_name]))

  name = each.value
}

locals {
  name       = "${var.project_name}-${var.environment}"
  account_id = data.aws_caller_identity.current.account_id

  # Suffix of the names of queues and table. It includes a project_name other than the default: SQS would take an existing
  # queue for the one to create, and two deployments would receive each other's messages.
  suffix = var.project_name == "distributed-classifier" ? var.environment : "${var.project_name}-${var.environment}"

  # Where people reach the API and the page.
  scheme      = var.certificate_arn == "" ? "http" : "https"
  host        = var.domain_name == "" ? module.load_balancer.dns_name : var.domain_name
  backend_url = "${local.scheme}://${local.host}"
  origins     = concat([local.backend_url], var.allowed_origins)
}

module "container_registry" {
  source = "./modules/container-registry"

  project_name = var.project_name
  aws_region   = var.aws_region
  source_root  = abspath("${path.root}/..")
  image_tag    = var.image_tag
  force_delete = var.force_destroy
}

module "networking" {
  source = "./modules/networking"

  name                 = local.name
  aws_region           = var.aws_region
  vpc_cidr             = var.vpc_cidr
  egress               = var.egress
  nat_gateway_per_zone = var.nat_gateway_per_zone
  allowed_cidrs        = var.allowed_cidrs
  https                = var.certificate_arn != ""
}

module "storage" {
  source = "./modules/storage"

  project_name         = var.project_name
  environment          = var.environment
  suffix               = local.suffix
  account_id           = local.account_id
  upload_origins       = local.origins
  force_destroy        = var.force_destroy
  image_retention_days = var.image_retention_days
}

module "queues" {
  source = "./modules/queues"

  name               = local.name
  suffix             = local.suffix
  account_id         = local.account_id
  visibility_timeout = var.visibility_timeout
  alarm_email        = var.alarm_email
}

module "load_balancer" {
  source = "./modules/load-balancer"

  name                = local.name
  vpc_id              = module.networking.vpc_id
  subnet_ids          = module.networking.public_subnet_ids
  security_group_id   = module.networking.load_balancer_security_group_id
  aws_region          = var.aws_region
  certificate_arn     = var.certificate_arn
  domain_name         = var.domain_name
  deletion_protection = !var.force_destroy
}

module "ecs_cluster" {
  source = "./modules/ecs-cluster"

  project_name = var.project_name
  environment  = var.environment
  aws_region   = var.aws_region

  images             = module.container_registry.images
  repository_arns    = module.container_registry.repository_arns
  subnet_ids         = module.networking.private_subnet_ids
  security_group_ids = module.networking.task_security_group_ids

  target_group_arn            = module.load_balancer.target_group_arn
  alb_resource_label          = module.load_balancer.alb_resource_label
  target_group_resource_label = module.load_balancer.target_group_resource_label

  buckets = module.storage.buckets
  table   = module.storage.table
  queues  = module.queues.queues

  backend_url       = local.backend_url
  allowed_origins   = local.origins
  trusted_proxies   = [var.vpc_cidr] # the load balancer: nothing else can reach the tasks
  api_key_required  = var.api_key_required
  existing_role_arn = one([for role in data.aws_iam_role.existing : role.arn])

  services = {
    backend = {
      cpu       = var.backend_cpu
      memory    = var.backend_memory
      min_count = var.backend_min_count
      max_count = var.backend_max_count
    }
    ml-service = {
      cpu       = var.ml_cpu
      memory    = var.ml_memory
      min_count = var.ml_min_count
      max_count = var.ml_max_count
    }
  }
  ml_backlog_per_task    = var.ml_backlog_per_task
  ml_use_spot            = var.ml_use_spot
  visibility_timeout     = var.visibility_timeout
  job_retention_days     = var.job_retention_days
  log_level              = var.log_level
  log_retention_days     = var.log_retention_days
  container_insights     = var.container_insights
  secret_recovery_window = var.force_destroy ? 0 : 7

  # Tasks need a route out to start, and target groups a listener.
  depends_on = [module.networking, module.load_balancer]
}

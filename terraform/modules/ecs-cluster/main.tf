# The cluster with both services, their logs and the API key.

locals {
  name = "${var.project_name}-${var.environment}"

  log_groups = { backend = "/ecs/${var.project_name}/backend", ml-service = "/ecs/${var.project_name}/ml-service" }
  ports      = { backend = 8080, ml-service = 8000 }

  common_settings = {
    AWS_REGION         = var.aws_region
    BIND_ADDRESS       = "0.0.0.0"
    DATA_DIR           = "/data"
    INPUT_BUCKET       = var.buckets["input"].name
    OUTPUT_BUCKET      = var.buckets["output"].name
    DYNAMODB_TABLE     = var.table.name
    REQUEST_QUEUE_URL  = var.queues["requests"].url
    STATUS_QUEUE_URL   = var.queues["status"].url
    VISIBILITY_TIMEOUT = tostring(var.visibility_timeout)
    LOG_LEVEL          = var.log_level
  }
  settings = {
    backend = merge(local.common_settings, {
      PORT               = tostring(local.ports["backend"])
      PUBLIC_BASE_URL    = var.backend_url
      ALLOWED_ORIGINS    = join(",", var.allowed_origins)
      TRUSTED_PROXIES    = join(",", var.trusted_proxies)
      JOB_RETENTION_DAYS = tostring(var.job_retention_days)
    })
    ml-service = merge(local.common_settings, { ML_PORT = tostring(local.ports["ml-service"]) })
  }
  # The ML service's own API has no key: its security group allows no connections.
  secrets = {
    backend    = [for secret in aws_secretsmanager_secret.api_key : { name = "API_KEYS", valueFrom = secret.arn }]
    ml-service = []
  }
}

resource "aws_ecs_cluster" "main" {
  name = "${var.project_name}-cluster-${var.environment}"

  setting {
    name  = "containerInsights"
    value = var.container_insights ? "enabled" : "disabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name       = aws_ecs_cluster.main.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "service" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = var.log_retention_days
}

resource "aws_secretsmanager_secret" "api_key" {
  for_each = var.api_key_required ? toset(["backend"]) : toset([])

  name                    = "${local.name}/api-key"
  description             = "Key that every caller of the API must send; several are separated by commas."
  recovery_window_in_days = var.secret_recovery_window
}

data "aws_secretsmanager_random_password" "api_key" {
  for_each = aws_secretsmanager_secret.api_key

  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "api_key" {
  for_each = aws_secretsmanager_secret.api_key

  secret_id     = each.value.id
  secret_string = data.aws_secretsmanager_random_password.api_key[each.key].random_password

  # Generated once. A key set later is kept.
  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_ecs_task_definition" "service" {
  for_each = var.services

  family                   = "${local.name}-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = local.execution_role_arns[each.key]
  task_role_arn            = local.task_role_arns[each.key]

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  # The only writable folders: models compiled for the processor, and temporary files.
  volume {
    name = "data"
  }
  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = each.key
    image                  = var.images[each.key]
    essential              = true
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = 60
    environment            = [for name in sort(keys(local.settings[each.key])) : { name = name, value = local.settings[each.key][name] }]
    secrets                = local.secrets[each.key]
    portMappings           = [{ containerPort = local.ports[each.key], hostPort = local.ports[each.key], protocol = "tcp" }]
    mountPoints = [
      { sourceVolume = "data", containerPath = "/data", readOnly = false },
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
    ]
    linuxParameters = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    # The same as in docker/Dockerfile, which ECS ignores.
    healthCheck = {
      command     = ["CMD", "/usr/local/bin/classifier-health", tostring(local.ports[each.key])]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 60
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.service[each.key].name
        awslogs-region        = var.aws_region
        awslogs-stream-prefix = each.key
      }
    }
    systemControls = []
    volumesFrom    = []
  }])

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = contains(local.fargate_memory[tostring(each.value.cpu)], each.value.memory)
      error_message = "Fargate has no task with ${each.value.cpu} CPU units and ${each.value.memory} MiB. With that CPU it has ${join(", ", local.fargate_memory[tostring(each.value.cpu)])} MiB."
    }
  }
}

locals {
  fargate_memory = {
    "256"   = [512, 1024, 2048]
    "512"   = range(1024, 4097, 1024)
    "1024"  = range(2048, 8193, 1024)
    "2048"  = range(4096, 16385, 1024)
    "4096"  = range(8192, 30721, 1024)
    "8192"  = range(16384, 61441, 4096)
    "16384" = range(32768, 122881, 8192)
  }
}

resource "aws_ecs_service" "service" {
  for_each = var.services

  name             = "${local.name}-${each.key}"
  cluster          = aws_ecs_cluster.main.id
  task_definition  = aws_ecs_task_definition.service[each.key].arn
  desired_count    = each.value.min_count
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"

  enable_ecs_managed_tags            = true
  force_new_deployment               = true # only if something changed; otherwise ml_use_spot could not be changed in place
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = each.key == "backend" ? 60 : null

  capacity_provider_strategy {
    capacity_provider = each.key == "ml-service" && var.ml_use_spot ? "FARGATE_SPOT" : "FARGATE"
    weight            = 1
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_ids[each.key]]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = each.key == "backend" ? [var.target_group_arn] : []

    content {
      target_group_arn = load_balancer.value
      container_name   = each.key
      container_port   = local.ports[each.key]
    }
  }

  # Autoscaling sets the count; a deployment must not reset it.
  lifecycle {
    ignore_changes = [desired_count]

    precondition {
      condition     = each.value.max_count >= each.value.min_count
      error_message = "The maximum of ${each.key} tasks (${each.value.max_count}) must not be less than the minimum (${each.value.min_count})."
    }
  }

  # Tasks need their permissions when they start, and until they have stopped.
  depends_on = [
    aws_ecs_cluster_capacity_providers.main,
    aws_iam_role_policy.execution,
    aws_iam_role_policy.task,
    aws_secretsmanager_secret_version.api_key,
  ]
}

# The least permissions of each service: one role for ECS to start its tasks, one for the tasks themselves.
# Where roles cannot be created (AWS Academy), an existing one is used for all four.

locals {
  made_roles = var.existing_role_arn == null ? keys(var.services) : []

  execution_role_arns = { for service in keys(var.services) : service => var.existing_role_arn == null ? aws_iam_role.execution[service].arn : var.existing_role_arn }
  task_role_arns      = { for service in keys(var.services) : service => var.existing_role_arn == null ? aws_iam_role.task[service].arn : var.existing_role_arn }

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  bucket_arns = [for bucket in var.buckets : bucket.arn]
  inputs      = "${var.buckets["input"].arn}/*"
  output      = var.buckets["output"].arn
  outputs     = "${local.output}/*"
  # Workers send messages that cannot be processed there; the backend lists them and sends them again.
  dead_letters = var.queues["requests"].dead_letter_arn

  task_statements = {
    backend = [
      { Sid = "Buckets", Action = ["s3:ListBucket"], Resource = local.bucket_arns },
      { Sid = "Uploads", Action = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], Resource = [local.inputs] },
      { Sid = "CopiesOfDeletedJobs", Action = ["s3:DeleteObject"], Resource = [local.outputs] },
      { Sid = "Jobs", Action = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"], Resource = [var.table.arn, "${var.table.arn}/index/*"] },
      { Sid = "SendWork", Action = ["sqs:SendMessage", "sqs:GetQueueAttributes"], Resource = [var.queues["requests"].arn] },
      { Sid = "TakeResults", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"], Resource = [var.queues["status"].arn] },
      { Sid = "DeadLetters", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"], Resource = [local.dead_letters] },
    ]
    ml-service = [
      { Sid = "Buckets", Action = ["s3:ListBucket"], Resource = local.bucket_arns },
      { Sid = "Images", Action = ["s3:GetObject"], Resource = [local.inputs] },
      { Sid = "SortedCopies", Action = ["s3:PutObject"], Resource = [local.outputs] },
      { Sid = "Remembered", Action = ["s3:GetObject"], Resource = ["${local.output}/remembered/*"] },
      { Sid = "Jobs", Action = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"], Resource = [var.table.arn, "${var.table.arn}/index/*"] },
      { Sid = "TakeWork", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"], Resource = [var.queues["requests"].arn] },
      { Sid = "SendResults", Action = ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"], Resource = [var.queues["status"].arn, local.dead_letters] },
    ]
  }

  execution_statements = {
    for service in keys(var.services) : service => concat(
      [
        { Sid = "RegistryLogin", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] }, # AWS allows no narrower one
        { Sid = "Image", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = [var.repository_arns[service]] },
        { Sid = "Logs", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${aws_cloudwatch_log_group.service[service].arn}:*"] },
      ],
      [for secret in local.secrets[service] : { Sid = "Secret", Action = ["secretsmanager:GetSecretValue"], Resource = [secret.valueFrom] }],
    )
  }
}

resource "aws_iam_role" "execution" {
  for_each = toset(local.made_roles)

  name               = "${local.name}-${each.key}-execution"
  description        = "ECS, to start ${each.key} tasks"
  assume_role_policy = local.trust
}

resource "aws_iam_role" "task" {
  for_each = toset(local.made_roles)

  name               = "${local.name}-${each.key}-task"
  description        = "${each.key} tasks"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "execution" {
  for_each = aws_iam_role.execution

  name = "start"
  role = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.execution_statements[each.key] : merge({ Effect = "Allow" }, statement)]
  })
}

resource "aws_iam_role_policy" "task" {
  for_each = aws_iam_role.task

  name = "work"
  role = each.value.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in local.task_statements[each.key] : merge({ Effect = "Allow" }, statement)]
  })
}

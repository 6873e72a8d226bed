# The request and the status queue, each with a dead-letter queue, and alarms on messages in those.

locals {
  queues = { for kind in ["requests", "status"] : kind => "classification-${kind}-${var.suffix}" }

  # More than MAX_ATTEMPTS (4): the worker reports an image that was attempted too often before SQS moves its message.
  # The maximum of SQS for results: they must outlast an outage of the table, since dead letters are never counted.
  max_receives   = { requests = 10, status = 1000 }
  longest_days   = 14
  day_in_seconds = 86400

  # Only this account, and encrypted in transit. The roles of the tasks define permissions within the account.
  policy_statements = [
    { sid = "OnlyEncryptedConnections", condition = { Bool = { "aws:SecureTransport" = "false" } } },
    { sid = "OnlyThisAccount", condition = { StringNotEquals = { "aws:PrincipalAccount" = var.account_id }, BoolIfExists = { "aws:PrincipalIsAWSService" = "false" } } },
  ]
  alarm_actions = [for topic in aws_sns_topic.alarms : topic.arn]
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = local.queues

  name                      = "${each.value}-dlq"
  message_retention_seconds = local.longest_days * local.day_in_seconds
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "main" {
  for_each = local.queues

  name                       = each.value
  visibility_timeout_seconds = var.visibility_timeout
  message_retention_seconds  = local.longest_days * local.day_in_seconds
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = local.max_receives[each.key]
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letters" {
  for_each = aws_sqs_queue.dead_letters

  queue_url = each.value.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.main[each.key].arn]
  })
}

resource "aws_sqs_queue_policy" "main" {
  for_each = merge(
    { for kind, queue in aws_sqs_queue.main : kind => queue },
    { for kind, queue in aws_sqs_queue.dead_letters : "${kind}-dead-letters" => queue },
  )

  queue_url = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.policy_statements : {
      Sid       = statement.sid
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = each.value.arn
      Condition = statement.condition
    }]
  })
}

resource "aws_sns_topic" "alarms" {
  for_each = var.alarm_email == "" ? toset([]) : toset(["email"])

  name = "${var.name}-alarms"
}

resource "aws_sns_topic_subscription" "email" {
  for_each = aws_sns_topic.alarms

  topic_arn = each.value.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = aws_sqs_queue.dead_letters

  alarm_name          = "${each.value.name}-not-empty"
  alarm_description   = "Messages that could not be processed are in ${each.value.name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# Any running backend reads messages from the status queue within seconds.
resource "aws_cloudwatch_metric_alarm" "status_age" {
  alarm_name          = "${aws_sqs_queue.main["status"].name}-too-old"
  alarm_description   = "Results have waited for ten minutes: no backend receives them from ${aws_sqs_queue.main["status"].name}."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.main["status"].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "GreaterThanThreshold"
  threshold           = 600
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
}

# The number of tasks. docs/autoscaling.md says how the figures were chosen, and has the simulation.

locals {
  ml = var.services["ml-service"]

  # The fewest visible messages, and the tasks to add; the first is the alarm's threshold, from which the steps count.
  burst_steps     = [{ from = 300, add = 2 }, { from = 1300, add = 5 }, { from = 10300, add = 10 }, { from = 50300, add = 20 }]
  burst_threshold = local.burst_steps[0].from

  # With fewer messages, tasks are removed, one a minute after five quiet minutes.
  idle_threshold = 100
  # Busy tasks keep the queue short themselves: they are removed only if they are not busy.
  idle_cpu_percent = 40

  service_dimensions = { ClusterName = aws_ecs_cluster.main.name, ServiceName = aws_ecs_service.service["ml-service"].name }
  # Metrics for the alarms. Each running task sends its CPU once a minute, so the samples count the tasks.
  queue_dimensions = { QueueName = var.queues["requests"].name }
  scaling_metrics = {
    visible   = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", stat = "Maximum", dimensions = local.queue_dimensions }
    in_flight = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesNotVisible", stat = "Maximum", dimensions = local.queue_dimensions }
    sent      = { namespace = "AWS/SQS", name = "NumberOfMessagesSent", stat = "Sum", dimensions = local.queue_dimensions }
    running   = { namespace = "AWS/ECS", name = "CPUUtilization", stat = "SampleCount", dimensions = local.service_dimensions }
    cpu       = { namespace = "AWS/ECS", name = "CPUUtilization", stat = "Average", dimensions = local.service_dimensions }
  }
  # A minute without CPU data is not filled in: when metrics arrive late, an alarm would only ever see the filler.
  quiet = "IF(cpu < ${local.idle_cpu_percent}, visible, ${local.idle_threshold})"
  # The last task is removed only when nothing arrives, waits or is in progress.
  quiet_to_zero = "IF(visible + in_flight + sent == 0, 0, IF(running > 1, ${local.quiet}, ${local.idle_threshold}))"
}

resource "aws_appautoscaling_target" "service" {
  for_each = var.services

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.main.name}/${aws_ecs_service.service[each.key].name}"
  min_capacity       = each.value.min_count
  max_capacity       = each.value.max_count

  # A suspension by scripts/manage-autoscaling.sh is kept.
  lifecycle {
    ignore_changes = [suspended_state]
  }
}

# Backend

resource "aws_appautoscaling_policy" "backend_requests" {
  name               = "${local.name}-backend-requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service["backend"].service_namespace
  scalable_dimension = aws_appautoscaling_target.service["backend"].scalable_dimension
  resource_id        = aws_appautoscaling_target.service["backend"].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 500
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${var.alb_resource_label}/${var.target_group_resource_label}"
    }
  }
}

resource "aws_appautoscaling_policy" "backend_cpu" {
  name               = "${local.name}-backend-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service["backend"].service_namespace
  scalable_dimension = aws_appautoscaling_target.service["backend"].scalable_dimension
  resource_id        = aws_appautoscaling_target.service["backend"].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = 70
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# ML service: growth in proportion to the backlog, steps for bursts, and one policy that shrinks

resource "aws_appautoscaling_policy" "ml_backlog" {
  name               = "${local.name}-ml-backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.service["ml-service"].service_namespace
  scalable_dimension = aws_appautoscaling_target.service["ml-service"].scalable_dimension
  resource_id        = aws_appautoscaling_target.service["ml-service"].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = var.ml_backlog_per_task
    scale_out_cooldown = 60
    disable_scale_in   = true

    customized_metric_specification {
      dynamic "metrics" {
        for_each = { for id in ["visible", "running"] : id => local.scaling_metrics[id] }

        content {
          id          = metrics.key
          return_data = false

          metric_stat {
            stat = metrics.value.stat

            metric {
              namespace   = metrics.value.namespace
              metric_name = metrics.value.name

              dynamic "dimensions" {
                for_each = metrics.value.dimensions

                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }

      metrics {
        id          = "backlog"
        label       = "Visible messages for each running task"
        expression  = "visible / running"
        return_data = true
      }
    }
  }
}

resource "aws_appautoscaling_policy" "ml_burst" {
  name               = "${local.name}-ml-burst"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.service["ml-service"].service_namespace
  scalable_dimension = aws_appautoscaling_target.service["ml-service"].scalable_dimension
  resource_id        = aws_appautoscaling_target.service["ml-service"].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 60

    dynamic "step_adjustment" {
      for_each = { for index, step in local.burst_steps : index => step }

      content {
        scaling_adjustment          = step_adjustment.value.add
        metric_interval_lower_bound = tostring(step_adjustment.value.from - local.burst_threshold)
        metric_interval_upper_bound = try(tostring(local.burst_steps[step_adjustment.key + 1].from - local.burst_threshold), null)
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "ml_burst" {
  alarm_name          = "${local.name}-ml-burst"
  alarm_description   = "Many images wait: adds ML tasks in steps."
  namespace           = local.scaling_metrics.visible.namespace
  metric_name         = local.scaling_metrics.visible.name
  dimensions          = local.scaling_metrics.visible.dimensions
  statistic           = local.scaling_metrics.visible.stat
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = local.burst_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.ml_burst.arn]
}

resource "aws_appautoscaling_policy" "ml_shrink" {
  name               = "${local.name}-ml-shrink"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.service["ml-service"].service_namespace
  scalable_dimension = aws_appautoscaling_target.service["ml-service"].scalable_dimension
  resource_id        = aws_appautoscaling_target.service["ml-service"].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 60

    step_adjustment {
      scaling_adjustment          = -1
      metric_interval_upper_bound = "0"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "ml_shrink" {
  alarm_name          = "${local.name}-ml-shrink"
  alarm_description   = "Few images wait and the tasks are not busy: removes one ML task a minute."
  evaluation_periods  = 6 # the last minute's CPU may not be available yet
  datapoints_to_alarm = 5
  comparison_operator = "LessThanThreshold"
  threshold           = local.idle_threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.ml_shrink.arn]

  dynamic "metric_query" {
    for_each = local.ml.min_count == 0 ? local.scaling_metrics : { for id in ["visible", "cpu"] : id => local.scaling_metrics[id] }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = 60
      }
    }
  }

  metric_query {
    id          = "quiet"
    label       = "Visible messages, while the tasks are not busy"
    expression  = local.ml.min_count == 0 ? local.quiet_to_zero : local.quiet
    return_data = true
  }
}

# From zero: the first message starts one task. Both metrics are of the queue: a service without tasks has none.

resource "aws_appautoscaling_policy" "ml_wake" {
  for_each = local.ml.min_count == 0 ? toset(["wake"]) : toset([])

  name               = "${local.name}-ml-wake"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.service["ml-service"].service_namespace
  scalable_dimension = aws_appautoscaling_target.service["ml-service"].scalable_dimension
  resource_id        = aws_appautoscaling_target.service["ml-service"].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = 180 # a task takes that long to start, and only then counts as running

    step_adjustment {
      scaling_adjustment          = 1
      metric_interval_lower_bound = "0"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "ml_wake" {
  for_each = aws_appautoscaling_policy.ml_wake

  alarm_name          = "${local.name}-ml-wake"
  alarm_description   = "Images wait and none is in progress: starts an ML task."
  evaluation_periods  = 2 # with a running task, no message waits that long without one in flight
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [each.value.arn]

  dynamic "metric_query" {
    for_each = { for id in ["visible", "in_flight"] : id => local.scaling_metrics[id] }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = 60
      }
    }
  }

  metric_query {
    id          = "waiting"
    label       = "Visible messages, while none is in flight"
    expression  = "IF(in_flight < 1, visible, 0)"
    return_data = true
  }
}

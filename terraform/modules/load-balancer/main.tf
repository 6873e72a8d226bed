# The load balancer of the backend. With a certificate it serves HTTPS, and HTTP only redirects to it.

locals {
  https = var.certificate_arn != ""

  # 32 characters at most; if the name is shortened, a part of its hash keeps it unique.
  name = length(var.name) <= 28 ? var.name : "${trimsuffix(substr(var.name, 0, 23), "-")}-${substr(sha256(var.name), 0, 4)}"
}

resource "aws_lb" "main" {
  name                       = "${local.name}-alb"
  load_balancer_type         = "application"
  internal                   = false
  security_groups            = [var.security_group_id]
  subnets                    = var.subnet_ids
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  # Less than the 75 seconds after which the backend closes an idle connection (a request on one just closed would get a
  # 502), more than the 15 between two heartbeats of a job's events.
  idle_timeout = 60
}

resource "aws_lb_target_group" "backend" {
  name_prefix          = "back-"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  port                 = 8080
  protocol             = "HTTP"
  deregistration_delay = 30

  health_check {
    path                = "/health"
    matcher             = "200"
    interval            = 15
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb_listener" "http" {
  load_balancer_arn = aws_lb.main.arn
  port              = 80
  protocol          = "HTTP"

  default_action {
    type             = local.https ? "redirect" : "forward"
    target_group_arn = local.https ? null : aws_lb_target_group.backend.arn

    dynamic "redirect" {
      for_each = local.https ? ["443"] : []

      content {
        port        = redirect.value
        protocol    = "HTTPS"
        status_code = "HTTP_301"
      }
    }
  }
}

resource "aws_lb_listener" "https" {
  for_each = local.https ? { main = var.certificate_arn } : {}

  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = each.value

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.backend.arn
  }

  lifecycle {
    precondition {
      condition     = var.domain_name != ""
      error_message = "certificate_arn needs domain_name, the name that the certificate is for: no certificate matches the load balancer's own name."
    }
    precondition {
      condition     = split(":", each.value)[3] == var.aws_region
      error_message = "The certificate is in ${split(":", each.value)[3]}, but the load balancer accepts only one in its own region, ${var.aws_region}."
    }
  }
}

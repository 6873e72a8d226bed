# VPC with a public and a private subnet in each of two zones, their routes out, and the security groups.
# Only the load balancer has public addresses.

data "aws_availability_zones" "available" {
  state = "available"

  # Zones without Fargate or without some of the endpoints, by the ids that are the same in every account.
  exclude_zone_ids = ["apne1-az3", "use1-az3", "usw1-az2"]

  # Local zones have neither Fargate nor NAT gateways.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  zones        = { for index, zone in slice(data.aws_availability_zones.available.names, 0, 2) : tostring(index) => zone }
  nat_zones    = { for key, zone in local.zones : key => zone if var.egress == "nat" && (var.nat_gateway_per_zone || key == "0") }
  endpoints    = var.egress == "endpoints" ? toset(["ecr.api", "ecr.dkr", "logs", "sqs", "secretsmanager"]) : toset([])
  listen_ports = var.https ? toset(["80", "443"]) : toset(["80"])
  client_ports = { for pair in setproduct(local.listen_ports, toset(var.allowed_cidrs)) : "${pair[0]} from ${pair[1]}" => { port = tonumber(pair[0]), cidr = pair[1] } }
}

resource "aws_vpc" "main" {
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Without rules: whatever is only in the default group reaches nothing.
resource "aws_default_security_group" "unused" {
  vpc_id = aws_vpc.main.id
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = var.name }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.main.id
  availability_zone       = each.value
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, tonumber(each.key))
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}" }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.main.id
  availability_zone = each.value
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, tonumber(each.key) + 2)

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public.id
}

resource "aws_eip" "nat" {
  for_each = local.nat_zones

  domain = "vpc"

  tags = { Name = "${var.name}-nat-${each.key}" }

  depends_on = [aws_internet_gateway.main]
}

resource "aws_nat_gateway" "main" {
  for_each = local.nat_zones

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_route_table" "private" {
  for_each = local.zones

  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route" "nat" {
  for_each = var.egress == "nat" ? local.zones : {}

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.main[var.nat_gateway_per_zone ? each.key : "0"].id
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

# Images and the table's items are most of the traffic: these endpoints are free and avoid the NAT gateway.
resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["s3", "dynamodb"])

  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${var.aws_region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoints

  vpc_id              = aws_vpc.main.id
  service_name        = "com.amazonaws.${var.aws_region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.group["endpoints"].id]

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "group" {
  for_each = merge(
    {
      load-balancer = "Load balancer: from the allowed networks to the backend."
      backend       = "Backend tasks: from the load balancer, to AWS."
      ml-service    = "ML tasks: nobody may connect, to AWS."
    },
    var.egress == "endpoints" ? { endpoints = "Interface endpoints: from the tasks." } : {},
  )

  name_prefix = "${var.name}-${each.key}-"
  description = each.value
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = local.client_ports

  security_group_id = aws_security_group.group["load-balancer"].id
  description       = "Port ${each.key}"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr
}

resource "aws_vpc_security_group_egress_rule" "to_backend" {
  security_group_id            = aws_security_group.group["load-balancer"].id
  description                  = "Backend tasks"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.group["backend"].id
}

resource "aws_vpc_security_group_ingress_rule" "to_backend" {
  security_group_id            = aws_security_group.group["backend"].id
  description                  = "Load balancer"
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
  referenced_security_group_id = aws_security_group.group["load-balancer"].id
}

# AWS's addresses are not known in advance, so any on HTTPS; with egress = "endpoints" the only routes are to them.
resource "aws_vpc_security_group_egress_rule" "to_aws" {
  for_each = toset(["backend", "ml-service"])

  security_group_id = aws_security_group.group[each.key].id
  description       = "AWS by HTTPS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "to_endpoints" {
  for_each = var.egress == "endpoints" ? toset(["backend", "ml-service"]) : toset([])

  security_group_id            = aws_security_group.group["endpoints"].id
  description                  = "HTTPS of ${each.key} tasks"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.group[each.key].id
}

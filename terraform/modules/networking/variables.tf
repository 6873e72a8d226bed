variable "name" {
  description = "Prefix of the names of the resources."
  type        = string
}

variable "aws_region" {
  description = "Region of the endpoints."
  type        = string
}

variable "vpc_cidr" {
  description = "Network of the VPC."
  type        = string
}

variable "egress" {
  description = "nat or endpoints."
  type        = string
}

variable "nat_gateway_per_zone" {
  description = "One NAT gateway for each zone instead of a single one."
  type        = bool
}

variable "allowed_cidrs" {
  description = "Networks that may reach the load balancer."
  type        = list(string)
}

variable "https" {
  description = "Whether the load balancer also listens on 443."
  type        = bool
}

variable "name" {
  description = "Begins the names of what is made here."
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
  description = "One NAT gateway for each zone instead of one."
  type        = bool
}

variable "allowed_cidrs" {
  description = "Networks that may reach the load balancer."
  type        = list(string)
}

variable "https" {
  description = "Whether the load balancer listens on 443 too."
  type        = bool
}

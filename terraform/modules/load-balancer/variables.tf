variable "name" {
  description = "Prefix of the name of the load balancer."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the targets."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets in at least two zones."
  type        = list(string)
}

variable "security_group_id" {
  description = "Security group that controls who may connect."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate for HTTPS; empty: HTTP only."
  type        = string
}

variable "deletion_protection" {
  description = "Whether it is protected against deletion."
  type        = bool
}

variable "domain_name" {
  description = "Name that the certificate is for."
  type        = string
}

variable "aws_region" {
  description = "Region, in which the certificate must be."
  type        = string
}

variable "name" {
  description = "Begins the name of the load balancer."
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
  description = "Group that says who may connect."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate for HTTPS; empty: HTTP only."
  type        = string
}

variable "deletion_protection" {
  description = "Whether deleting it must be allowed first."
  type        = bool
}

variable "domain_name" {
  description = "Name that the certificate is for."
  type        = string
}

variable "aws_region" {
  description = "Region, which the certificate must be in."
  type        = string
}

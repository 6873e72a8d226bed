variable "project_name" {
  description = "Prefix of the names of the buckets."
  type        = string
}

variable "environment" {
  description = "Part of the names of the buckets."
  type        = string
}

variable "suffix" {
  description = "Suffix of the name of the table."
  type        = string
}

variable "account_id" {
  description = "Makes the names of the buckets globally unique."
  type        = string
}

variable "upload_origins" {
  description = "Origins of pages that may upload."
  type        = list(string)
}

variable "force_destroy" {
  description = "Let destroy remove buckets with objects in them, and the table."
  type        = bool
}

variable "image_retention_days" {
  description = "Days until objects are removed; 0: never."
  type        = number
}

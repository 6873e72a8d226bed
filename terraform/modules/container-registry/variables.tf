variable "project_name" {
  description = "Prefix of the names of the repositories."
  type        = string
}

variable "aws_region" {
  description = "Region of the registry."
  type        = string
}

variable "source_root" {
  description = "Root of the source tree from which images are built."
  type        = string
}

variable "image_tag" {
  description = "Tag of existing images; empty: build and push."
  type        = string
}

variable "force_delete" {
  description = "Let destroy remove repositories with images in them."
  type        = bool
}

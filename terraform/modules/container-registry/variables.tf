variable "project_name" {
  description = "Begins the names of the repositories."
  type        = string
}

variable "aws_region" {
  description = "Region of the registry."
  type        = string
}

variable "source_root" {
  description = "Root of the source tree that images are built from."
  type        = string
}

variable "image_tag" {
  description = "Tag of images that are there already; empty: build and push."
  type        = string
}

variable "force_delete" {
  description = "Let destroy remove repositories with images in them."
  type        = bool
}

# Repositories for both images, and the images: built from this source tree for linux/amd64, and pushed.

locals {
  services = toset(["backend", "ml-service"])

  # The sources of the images: a change gives a new tag, and so a new deployment.
  source_files = setunion(
    [".dockerignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "NOTICE", "dashboard/package.json", "dashboard/package-lock.json"],
    fileset(var.source_root, "{cmake,docker,src}/**"),
    fileset(var.source_root, "dashboard/*.{html,json,ts}"),
    fileset(var.source_root, "dashboard/{public,src}/**"),
    fileset(var.source_root, "models/**.{py,txt}"),
    fileset(var.source_root, "scripts/{lib.sh,setup.sh,requirements-node.txt}"),
  )
  source_hash = sha256(join("", [for file in sort(local.source_files) : "${file}:${filesha256("${var.source_root}/${file}")}\n"]))
  build       = var.image_tag == ""
  tag         = local.build ? "src-${substr(local.source_hash, 0, 16)}" : var.image_tag
}

resource "aws_ecr_repository" "service" {
  for_each = local.services

  name                 = "${var.project_name}-${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_delete

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  for_each = aws_ecr_repository.service

  repository = each.value.name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last 10 images: enough to go back."
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 10 }
      action       = { type = "expire" }
    }]
  })
}

# AWS's provider has no resource for pushing an image; the script does nothing if the tag exists already.
resource "terraform_data" "image" {
  for_each = local.build ? local.services : toset([])

  triggers_replace = [local.tag, aws_ecr_repository.service[each.key].repository_url]

  provisioner "local-exec" {
    command = "${var.source_root}/scripts/push-image.sh"
    environment = {
      IMAGE_TARGET     = each.key
      IMAGE_REPOSITORY = aws_ecr_repository.service[each.key].repository_url
      IMAGE_TAG        = local.tag
      AWS_REGION       = var.aws_region
    }
  }
}

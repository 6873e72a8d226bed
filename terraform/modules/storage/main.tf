# The buckets of uploaded images and of sorted copies, and the job table. Keys and indexes of the table are those in
# scripts/dynamodb-table.json; docs/aws.md describes them.

locals {
  buckets = { for kind in ["input", "output"] : kind => "${var.project_name}-${kind}-${var.environment}-${var.account_id}" }

  key_attributes = ["pk", "sk", "listing_pk", "listing_sk", "unsent_pk", "unsent_sk"]
  indexes        = { listing = "ALL", unsent = "KEYS_ONLY" }
}

resource "aws_s3_bucket" "images" {
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy
}

resource "aws_s3_bucket_public_access_block" "images" {
  for_each = aws_s3_bucket.images

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "images" {
  for_each = aws_s3_bucket.images

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "images" {
  for_each = aws_s3_bucket.images

  bucket = each.value.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_policy" "images" {
  for_each = aws_s3_bucket.images

  bucket = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncryptedConnections"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [each.value.arn, "${each.value.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.images]
}

resource "aws_s3_bucket_lifecycle_configuration" "images" {
  for_each = aws_s3_bucket.images

  bucket = each.value.id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  # What models saw, which the table refers to for 90 days and at most two days more.
  dynamic "rule" {
    for_each = each.key == "output" ? ["remembered"] : []

    content {
      id     = rule.value
      status = "Enabled"

      filter {
        prefix = "remembered/"
      }

      expiration {
        days = 100
      }
    }
  }

  dynamic "rule" {
    for_each = var.image_retention_days > 0 ? [var.image_retention_days] : []

    content {
      id     = "retention"
      status = "Enabled"

      filter {}

      expiration {
        days = rule.value
      }
    }
  }
}

# Pages upload files directly to the input bucket, with signed URLs; browsers use nothing else of it.
resource "aws_s3_bucket_cors_configuration" "uploads" {
  bucket = aws_s3_bucket.images["input"].id

  cors_rule {
    allowed_methods = ["PUT"]
    allowed_origins = var.upload_origins
    allowed_headers = ["content-type"]
    max_age_seconds = 3600
  }
}

resource "aws_dynamodb_table" "jobs" {
  name                        = "classification-jobs-${var.suffix}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = !var.force_destroy

  dynamic "attribute" {
    for_each = toset(local.key_attributes)

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = local.indexes

    content {
      name            = global_secondary_index.key
      hash_key        = "${global_secondary_index.key}_pk"
      range_key       = "${global_secondary_index.key}_sk"
      projection_type = global_secondary_index.value
    }
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = false # with the key that AWS owns; true would use a KMS key, charged per request
  }
}

locals {
  evidence = var.evidence_bucket[*]
}

resource "aws_s3_bucket" "evidence" {
  count = length(local.evidence)

  bucket              = local.output_bucket
  object_lock_enabled = true
  force_destroy       = var.evidence_bucket.force_destroy
  tags                = var.tags
}

resource "aws_s3_bucket_versioning" "evidence" {
  count = length(local.evidence)

  bucket = aws_s3_bucket.evidence[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

# Without a rule of the bucket, locking is per object: a legal hold or a retention on a case.
resource "aws_s3_bucket_object_lock_configuration" "evidence" {
  count = try(var.evidence_bucket.retention_days, null) == null ? 0 : 1

  bucket = aws_s3_bucket_versioning.evidence[0].bucket

  rule {
    default_retention {
      mode = var.evidence_bucket.retention_mode
      days = var.evidence_bucket.retention_days
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "evidence" {
  count = length(local.evidence)

  bucket = aws_s3_bucket.evidence[0].id

  rule {
    bucket_key_enabled = length(var.write_key_arns) > 0

    apply_server_side_encryption_by_default {
      sse_algorithm     = length(var.write_key_arns) > 0 ? "aws:kms" : "AES256"
      kms_master_key_id = one(slice(var.write_key_arns, 0, min(1, length(var.write_key_arns))))
    }
  }
}

resource "aws_s3_bucket_public_access_block" "evidence" {
  count = length(local.evidence)

  bucket                  = aws_s3_bucket.evidence[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "evidence" {
  count = length(local.evidence)

  bucket = aws_s3_bucket.evidence[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "evidence" {
  count = length(local.evidence)

  bucket = aws_s3_bucket_public_access_block.evidence[0].bucket

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["${local.s3}${local.output_bucket}", "${local.s3}${local.output_bucket}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_s3_bucket_lifecycle_configuration" "evidence" {
  count = length(local.evidence)

  bucket = aws_s3_bucket_versioning.evidence[0].bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # What a later run of a case replaced; as long as the tables' own logs are kept by default.
  rule {
    id     = "replaced-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.evidence_bucket.keep_old_versions_days
    }
  }
}

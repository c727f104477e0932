resource "aws_emrserverless_application" "trace" {
  count = length(var.emr_serverless[*])

  name          = var.name
  type          = "SPARK"
  release_label = var.emr_serverless.release
  architecture  = var.emr_serverless.architecture
  tags          = var.tags

  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = var.emr_serverless.idle_minutes
  }

  maximum_capacity {
    cpu    = "${var.emr_serverless.most_vcpu} vCPU"
    memory = "${var.emr_serverless.most_memory_gb} GB"
    disk   = "${var.emr_serverless.most_disk_gb} GB"
  }
}

resource "aws_iam_role" "emr_serverless" {
  count = length(var.emr_serverless[*])

  name                 = "${var.name}-emr-serverless"
  description          = "Runs on the EMR Serverless application ${var.name}"
  assume_role_policy   = local.trusted["emr-serverless"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "emr_serverless_trace" {
  count = length(var.emr_serverless[*])

  role       = aws_iam_role.emr_serverless[0].name
  policy_arn = aws_iam_policy.trace.arn
}

locals {
  # conf/ is what is tested against Glue's API and our parser; here only names are filled in.
  conf         = jsondecode(file("${path.module}/../conf/glue-job.json"))
  artifacts    = "s3://${var.artifact_bucket}"
  in_conf      = "s3://my-artifacts"
  log_group    = "/${var.name}/glue"
  opensearch   = one(concat(var.opensearch[*], local.made_domain[*]))
  own_uris     = { flow_logs = join(",", var.flow_logs), labels = "${local.artifacts}/labels", output = var.output }
  own_defaults = merge({ for name, value in local.own_uris : "--${name}" => value }, local.read_arguments)

  opensearch_arguments = local.opensearch == null ? {} : merge(
    { "--opensearch_url" = local.opensearch.url },
    local.opensearch.secret_arn == null
    ? { "--opensearch_auth" = "sigv4" }
    : { "--opensearch_auth" = "basic", "--opensearch_secret" = local.opensearch.secret_arn },
  )

  signing_arguments = var.signing_key_arn == null ? {} : { "--sign_with" = var.signing_key_arn }

  conf_arguments = { for name, value in local.conf.DefaultArguments : name => replace(value, local.in_conf, local.artifacts) }
  log_arguments = {
    "--enable-continuous-cloudwatch-log" = "true"
    "--continuous-log-logGroup"          = local.log_group
  }

  default_arguments = merge(
    local.conf_arguments,
    local.log_arguments,
    local.own_defaults,
    local.opensearch_arguments,
    local.signing_arguments,
    var.auto_scaling ? { "--enable-auto-scaling" = "true" } : {},
    var.job_arguments,
  )
}

resource "aws_cloudwatch_log_group" "job" {
  name              = local.log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
  tags              = var.tags
}

# Encrypts the log groups that Glue makes; what the job writes to S3 is encrypted by the buckets.
resource "aws_glue_security_configuration" "job" {
  count = length(var.log_key_arn[*])

  name = var.name

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = var.log_key_arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "DISABLED"
    }

    s3_encryption {
      s3_encryption_mode = "DISABLED"
    }
  }
}

resource "aws_glue_job" "trace" {
  name              = var.name
  description       = local.conf.Description
  role_arn          = aws_iam_role.job.arn
  glue_version      = local.conf.GlueVersion
  worker_type       = coalesce(var.worker_type, local.conf.WorkerType)
  number_of_workers = coalesce(var.number_of_workers, local.conf.NumberOfWorkers)
  connections       = aws_glue_connection.vpc[*].name
  max_retries       = local.conf.MaxRetries
  execution_class   = "STANDARD" # Glue's own default; a run must not wait for spare machines
  timeout           = local.conf.Timeout

  security_configuration = one(aws_glue_security_configuration.job[*].name)

  default_arguments = local.default_arguments
  tags              = var.tags

  execution_property {
    max_concurrent_runs = local.conf.ExecutionProperty.MaxConcurrentRuns
  }

  command {
    name            = local.conf.Command.Name
    python_version  = local.conf.Command.PythonVersion
    script_location = replace(local.conf.Command.ScriptLocation, local.in_conf, local.artifacts)
  }

  depends_on = [aws_cloudwatch_log_group.job]
}

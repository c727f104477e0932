# Labels that collect themselves: the package that traces also collects, on two small workers. Python
# shell jobs of Glue end at Python 3.9, which is too old for it.
locals {
  labels_name = "${var.name}-labels"
  labels_arn  = "arn:${local.partition}:glue:${local.here}:job/${local.labels_name}"

  labels_arguments = { for wish in var.collect_labels[*] : "all" => { for name, value in {
    "--output"            = "${local.artifacts}/labels"
    "--regions"           = join(",", wish.regions)
    "--organization_role" = wish.organization_role
    "--aggregator"        = wish.aggregator
    "--aws_ranges"        = wish.aws_ranges
    "--config_history"    = var.labels_from_config ? "true" : null
    "--role_arns"         = length(var.label_role_arns) > 0 ? join(",", var.label_role_arns) : null
  } : name => value if value != null } }

  # Of conf/glue-job.json, what is about packages and not about a trace.
  package_arguments = { for name in ["--extra-py-files", "--additional-python-modules", "--python-modules-installer-option", "--job-bookmark-option"] : name => local.conf_arguments[name] }

  organisation_statements = concat(
    flatten([for wish in var.collect_labels[*] : [for role in wish.organization_role[*] : [
      {
        Sid      = "FindAccounts"
        Effect   = "Allow"
        Action   = ["organizations:ListAccounts"]
        Resource = ["*"] # Organizations knows no resource for it
      },
      {
        # By its name in every account, but only of this organisation.
        Sid       = "MemberRole"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole"]
        Resource  = ["arn:${local.partition}:iam::*:role/${role}"]
        Condition = { StringEquals = { "aws:ResourceOrgID" = "$${aws:PrincipalOrgID}" } }
      },
    ]]]),
    flatten([for wish in var.collect_labels[*] : [for aggregator in wish.aggregator[*] : {
      # The ARN of an aggregator ends with an id that AWS gives, not with its name.
      Sid      = "AskAggregator"
      Effect   = "Allow"
      Action   = ["config:SelectAggregateResourceConfig"]
      Resource = ["arn:${local.partition}:config:${local.here}:config-aggregator/*"]
    }]]),
  )
}

resource "aws_glue_job" "labels" {
  count = length(var.collect_labels[*])

  name              = local.labels_name
  description       = "Which interface, address and name belonged to which instance"
  role_arn          = aws_iam_role.labels[0].arn
  glue_version      = local.conf.GlueVersion
  worker_type       = "G.1X"
  number_of_workers = 2
  max_retries       = 0
  execution_class   = "STANDARD"
  timeout           = var.collect_labels.timeout_minutes
  tags              = var.tags

  security_configuration = one(aws_glue_security_configuration.job[*].name)

  default_arguments = merge(local.package_arguments, local.log_arguments, local.labels_arguments["all"])

  # Two at a time would each continue the same history.
  execution_property {
    max_concurrent_runs = 1
  }

  command {
    name            = local.conf.Command.Name
    python_version  = local.conf.Command.PythonVersion
    script_location = "${local.artifacts}/vpc-flow-trace/collect_labels.py"
  }

  depends_on = [aws_cloudwatch_log_group.job]
}

resource "aws_scheduler_schedule" "labels" {
  count = length(var.collect_labels[*])

  name                = local.labels_name
  description         = "A snapshot of labels"
  schedule_expression = var.collect_labels.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:glue:startJobRun"
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode({ JobName = local.labels_name })

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

# Its name is what the member role trusts: infra/member_role.yaml.
resource "aws_iam_role" "labels" {
  count = length(var.collect_labels[*])

  name                 = local.labels_name
  description          = "Runs of the Glue job ${local.labels_name}"
  assume_role_policy   = local.trusted["glue"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "labels" {
  count = length(var.collect_labels[*])

  role       = aws_iam_role.labels[0].name
  policy_arn = aws_iam_policy.collect_labels.arn
}

resource "aws_iam_role_policy" "labels_glue" {
  count = length(var.collect_labels[*])

  name = "glue"
  role = aws_iam_role.labels[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadCode"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.s3}${var.artifact_bucket}/vpc-flow-trace/*"]
      },
    ], local.glue_log_statements)
  })
}

output "labels" {
  description = "Role that the member role of every account has to trust (infra/member_role.yaml), and the job; null without."
  value = one([for at, wish in var.collect_labels[*] : {
    role_arn = aws_iam_role.labels[at].arn
    job_name = aws_glue_job.labels[at].name
  }])
}

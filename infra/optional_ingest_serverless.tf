# The ingest on EMR Serverless: its schedule starts a job run of conf/emr-serverless.json.
locals {
  serverless        = jsondecode(file("${path.module}/../conf/emr-serverless.json"))
  serverless_submit = local.serverless.jobDriver.sparkSubmit

  # conf/ has the packages of x86_64.
  serverless_packages = try(var.emr_serverless.architecture, "X86_64") == "ARM64" ? "aarch64" : "x86_64"

  # EventBridge Scheduler takes the names of parameters as AWS's SDK for Java has them, with a
  # capital. A retry has the token of the first try, so that one schedule starts one run.
  serverless_run = { for at, flags in local.ingest_flags : at => {
    ApplicationId           = one(aws_emrserverless_application.trace[*].id)
    ExecutionRoleArn        = local.ingest_role_arn
    ClientToken             = "<aws.scheduler.execution-id>"
    Name                    = local.ingest_name
    ExecutionTimeoutMinutes = var.ingest.timeout_minutes
    JobDriver = {
      SparkSubmit = {
        EntryPoint            = "${local.artifacts}/vpc-flow-trace/ingest_flows.py"
        EntryPointArguments   = flatten([for name, value in flags : [name, value]])
        SparkSubmitParameters = replace(replace(local.serverless_submit.sparkSubmitParameters, local.in_conf, local.artifacts), "packages-x86_64", "packages-${local.serverless_packages}")
      }
    }
    ConfigurationOverrides = {
      ApplicationConfiguration = [for each in local.serverless.configurationOverrides.applicationConfiguration : {
        Classification = each.classification
        Properties     = each.properties
      }]
    }
  } if length(local.ingest_on["emr-serverless"]) > 0 }

  application_arn = "arn:${local.partition}:emr-serverless:${local.here}:/applications/${coalesce(one(aws_emrserverless_application.trace[*].id), "-")}"
  ingest_role_arn = "arn:${local.partition}:iam::${local.account}:role${var.role_path}${local.ingest_name}"

  # Who starts a run may give it this role and no other, and to EMR Serverless only.
  serverless_statements = flatten([for wish in local.ingest_on["emr-serverless"] : [
    { Sid = "FillFlowTable", Effect = "Allow", Action = ["emr-serverless:StartJobRun"], Resource = [local.application_arn] },
    { Sid = "GiveRole", Effect = "Allow", Action = ["iam:PassRole"], Resource = [local.ingest_role_arn], Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } } },
  ]])
}

resource "aws_scheduler_schedule" "ingest_serverless" {
  count = length(local.ingest_on["emr-serverless"])

  name                = local.ingest_name
  description         = "What is new, into ${var.ingest.flow_table}"
  schedule_expression = var.ingest.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:emrserverless:startJobRun"
    role_arn = aws_iam_role.scheduler[0].arn
    # `jsonencode` writes < and > as escapes; Scheduler looks for its own words as they are.
    input = replace(replace(jsonencode(local.serverless_run["all"]), "\\u003c", "<"), "\\u003e", ">")

    retry_policy {
      maximum_retry_attempts = 3
    }
  }

  lifecycle {
    precondition {
      condition     = var.emr_serverless != null
      error_message = "Expected emr_serverless too: ingest with on = emr-serverless runs on its application."
    }
  }
}

# The ingest as a step of a cluster that runs: its schedule adds conf/emr-step.json with its own script.
locals {
  ingest_step = { for at, flags in local.ingest_flags : at => merge(local.step, {
    Name = local.ingest_name
    HadoopJarStep = {
      Jar = local.step.HadoopJarStep.Jar
      Args = concat(
        slice(local.step_words, 0, local.script_at),
        ["${local.artifacts}/vpc-flow-trace/ingest_flows.py"],
        flatten([for name, value in flags : [name, value]]),
      )
    }
  }) }

  ingest_step_role = try(var.ingest.execution_role_arn, null)
  ingest_step_statements = [for wish in local.ingest_on["emr-step"] : merge(
    { Sid = "FillFlowTable", Effect = "Allow", Action = ["elasticmapreduce:AddJobFlowSteps"], Resource = ["arn:${local.partition}:elasticmapreduce:${local.here}:cluster/${wish.cluster_id}"] },
    local.ingest_step_role == null ? {} : { Condition = { StringEquals = { "elasticmapreduce:ExecutionRoleArn" = [local.ingest_step_role] } } },
  )]
}

resource "aws_scheduler_schedule" "ingest_step" {
  count = length(local.ingest_on["emr-step"])

  name                = local.ingest_name
  description         = "What is new, into ${var.ingest.flow_table}"
  schedule_expression = var.ingest.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:emr:addJobFlowSteps"
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode(merge({ JobFlowId = var.ingest.cluster_id, Steps = [local.ingest_step["all"]] }, local.ingest_step_role == null ? {} : { ExecutionRoleArn = local.ingest_step_role }))

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

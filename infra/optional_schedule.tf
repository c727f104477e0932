locals {
  cluster_arn = var.emr_step_schedule == null ? null : "arn:${local.partition}:elasticmapreduce:${local.here}:cluster/${var.emr_step_schedule.cluster_id}"

  schedule_arguments = { for name, wish in { glue = var.schedule, emr = var.emr_step_schedule } : name => wish == null ? {} : merge(
    wish.arguments,
    { "--from" = wish.from, "--to" = wish.to, "--case_id" = wish.case_id },
  ) }

  # conf/emr-step.json up to the script: spark-submit and its settings. Then our own flags.
  step       = jsondecode(file("${path.module}/../conf/emr-step.json"))[0]
  step_words = [for word in local.step.HadoopJarStep.Args : replace(word, local.in_conf, local.artifacts)]
  script_at  = index(local.step_words, replace(local.conf.Command.ScriptLocation, local.in_conf, local.artifacts))
  step_flags = merge(local.own_defaults, local.opensearch_arguments, local.signing_arguments, var.job_arguments, local.schedule_arguments.emr)

  scheduled_step = merge(local.step, {
    HadoopJarStep = {
      Jar  = local.step.HadoopJarStep.Jar
      Args = concat(slice(local.step_words, 0, local.script_at + 1), flatten([for name, value in local.step_flags : [name, value]]))
    }
  })

  # Amazon EMR, "Runtime roles for steps": who adds a step may give it this role and no other.
  step_role           = try(var.emr_step_schedule.execution_role_arn, null)
  step_role_condition = local.step_role == null ? {} : { Condition = { StringEquals = { "elasticmapreduce:ExecutionRoleArn" = [local.step_role] } } }

  scheduled_statements = concat(
    [for wish in var.schedule[*] : { Sid = "RunJob", Effect = "Allow", Action = ["glue:StartJobRun"], Resource = [local.job_arn] }],
    [for wish in var.collect_labels[*] : { Sid = "CollectLabels", Effect = "Allow", Action = ["glue:StartJobRun"], Resource = [local.labels_arn] }],
    [for wish in local.ingest_on["glue"] : { Sid = "FillFlowTable", Effect = "Allow", Action = ["glue:StartJobRun"], Resource = [local.ingest_arn] } if wish.watch_list == null],
    [for wish in local.watches : { Sid = "Watch", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.watch_arn] }],
    local.serverless_statements,
    local.ingest_step_statements,
    [for wish in var.emr_step_schedule[*] : merge({ Sid = "AddStep", Effect = "Allow", Action = ["elasticmapreduce:AddJobFlowSteps"], Resource = [local.cluster_arn] }, local.step_role_condition)],
  )
}

resource "aws_scheduler_schedule" "glue" {
  count = length(var.schedule[*])

  name                = "${var.name}-glue"
  description         = "A run of ${var.name} over ${var.schedule.from} to ${var.schedule.to}"
  schedule_expression = var.schedule.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:glue:startJobRun"
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode({ JobName = var.name, Arguments = local.schedule_arguments.glue })

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

resource "aws_scheduler_schedule" "emr_step" {
  count = length(var.emr_step_schedule[*])

  name                = "${var.name}-emr-step"
  description         = "A step of ${var.name} over ${var.emr_step_schedule.from} to ${var.emr_step_schedule.to}"
  schedule_expression = var.emr_step_schedule.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:emr:addJobFlowSteps"
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode(merge({ JobFlowId = var.emr_step_schedule.cluster_id, Steps = [local.scheduled_step] }, local.step_role == null ? {} : { ExecutionRoleArn = local.step_role }))

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

resource "aws_iam_role" "scheduler" {
  count = min(1, length(local.scheduled_statements))

  name                 = "${var.name}-scheduler"
  description          = "EventBridge Scheduler starts runs of ${var.name}"
  assume_role_policy   = local.trusted["scheduler"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "scheduler" {
  count = length(aws_iam_role.scheduler)

  name   = "start"
  role   = aws_iam_role.scheduler[0].id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.scheduled_statements })
}

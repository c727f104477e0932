# A watch-list: the ingest runs in a state machine, which mails what is new and suspicious.
locals {
  # On Glue. On EMR Serverless the lines are in the log of the driver, and no mail is sent.
  watches        = [for wish in local.ingest_on["glue"] : wish if wish.watch_list != null]
  watch_arn      = "arn:${local.partition}:states:${local.here}:stateMachine:${local.ingest_name}"
  watched_tables = [for table in local.places.table : table if length(local.watches) > 0]
}

resource "aws_sfn_state_machine" "ingest" {
  count = length(local.watches)

  name     = local.ingest_name
  role_arn = aws_iam_role.ingest_states[0].arn
  tags     = var.tags

  dynamic "logging_configuration" {
    for_each = aws_cloudwatch_log_group.states

    content {
      level                  = var.state_machine_log_level
      include_execution_data = false
      log_destination        = "${logging_configuration.value.arn}:*"
    }
  }

  # Step Functions looks at the role's permissions for logs when the machine is made.
  depends_on = [aws_iam_role_policy.ingest_states]

  definition = templatefile("${path.module}/watch_machine.asl.json", {
    partition    = local.partition
    job_name     = local.ingest_name
    table_bucket = local.watched_tables[0].bucket
    table_prefix = local.watched_tables[0].prefix
    executions   = "https://${local.console}/states/home?region=${local.region}#/v2/executions/details"
    topic_arn    = local.topic_arn
    # Glue ends a run at its own time-out; this is for a run whose end nobody reports.
    timeout_s = (var.ingest.timeout_minutes + 15) * 60
  })
}

resource "aws_scheduler_schedule" "watch" {
  count = length(local.watches)

  name                = local.ingest_name
  description         = "What is new, into ${var.ingest.flow_table}, and what is suspicious of ${var.ingest.watch_list}"
  schedule_expression = var.ingest.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.watch_arn
    role_arn = aws_iam_role.scheduler[0].arn
    input    = "{}"

    retry_policy {
      maximum_retry_attempts = 3
    }
  }

  depends_on = [aws_sfn_state_machine.ingest]
}

resource "aws_iam_role" "ingest_states" {
  count = length(local.watches)

  name                 = "${local.ingest_name}-states"
  description          = "The state machine ${local.ingest_name}: run the ingest, tell what is new"
  assume_role_policy   = local.trusted["states"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "ingest_states" {
  count = length(local.watches)

  name = "watch"
  role = aws_iam_role.ingest_states[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        # Step Functions, "Run a job (.sync)": it asks for the run's state and stops it when told to.
        Sid      = "RunIngest"
        Effect   = "Allow"
        Action   = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
        Resource = [local.ingest_arn]
      },
      ], [for table in local.watched_tables : {
        Sid      = "ReadNotice"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.s3}${table.bucket}/${table.prefix}/notice.json"]
      }
      ], [
      { Sid = "Tell", Effect = "Allow", Action = ["sns:Publish"], Resource = [local.topic_arn] },
    ], local.states_statements)
  })
}

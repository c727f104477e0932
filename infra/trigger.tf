# A GuardDuty finding → the finding as an object → the Glue job → success or failure to SNS.
resource "aws_cloudwatch_event_rule" "finding" {
  name        = "${var.name}-finding"
  description = "GuardDuty findings on EC2 instances and attack sequences, from severity ${var.least_severity} on"
  tags        = var.tags

  event_pattern = jsonencode({
    source        = ["aws.guardduty"]
    "detail-type" = ["GuardDuty Finding"]
    detail = {
      severity = [{ numeric = [">=", var.least_severity] }]
      "$or" = [
        { resource = { resourceType = ["Instance"] } },
        # Its resources are a list; where none of them is an instance, no case is made.
        { type = [{ prefix = "AttackSequence:" }] },
      ]
    }
  })
}

resource "aws_cloudwatch_event_target" "machine" {
  rule     = aws_cloudwatch_event_rule.finding.name
  arn      = aws_sfn_state_machine.trace.arn
  role_arn = aws_iam_role.events.arn

  # A finding that could not be handed over stays to be seen.
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.queue_arn
      Condition = { ArnEquals = { "aws:SourceArn" = local.rule_arn } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "states" {
  count = var.state_machine_log_level == "OFF" ? 0 : 1

  # AWS, "Step Functions logging": this prefix keeps the log's resource policy short.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
  tags              = var.tags
}

resource "aws_sfn_state_machine" "trace" {
  name     = var.name
  role_arn = aws_iam_role.states.arn
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
  depends_on = [aws_iam_role_policy.states]

  definition = templatefile("${path.module}/state_machine.asl.json", {
    partition       = local.partition
    artifact_bucket = var.artifact_bucket
    job_name        = var.name
    output          = trimsuffix(var.output, "/")
    output_bucket   = local.output_bucket
    output_prefix   = local.output_prefix
    executions      = "https://${local.console}/states/home?region=${local.region}#/v2/executions/details"
    topic_arn       = local.topic_arn
    more_arguments  = join("", [for name, value in local.case_arguments : ", ${jsonencode(name)}: ${jsonencode(value)}"])
    # Glue ends a run at its own time-out; this is for a run whose end nobody reports.
    timeout_s = (local.conf.Timeout + 15) * 60
    # Five minutes each: as long as the run that holds the case can take.
    most_waits = ceil((local.conf.Timeout + 15) / 5)
  })
}

resource "aws_sns_topic" "ends" {
  name              = var.name
  kms_master_key_id = var.topic_key
  tags              = var.tags
}

resource "aws_sns_topic_subscription" "email" {
  count = var.notify_email == null ? 0 : 1

  topic_arn = aws_sns_topic.ends.arn
  protocol  = "email"
  endpoint  = var.notify_email
}

resource "aws_iam_role" "events" {
  name                 = "${var.name}-events"
  description          = "EventBridge starts the state machine ${var.name}"
  assume_role_policy   = local.trusted["events"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "events" {
  name = "start"
  role = aws_iam_role.events.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Start", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.machine_arn] }]
  })
}

resource "aws_iam_role" "states" {
  name                 = "${var.name}-states"
  description          = "The state machine ${var.name}: keep the finding, run the job, tell"
  assume_role_policy   = local.trusted["states"]
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "states" {
  name = "trace"
  role = aws_iam_role.states.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "KeepFinding", Effect = "Allow", Action = ["s3:PutObject"], Resource = ["${local.s3}${var.artifact_bucket}/findings/*"] },
      { Sid = "SeeWhoWaits", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["${local.s3}${var.artifact_bucket}/findings/waiting/*"] },
      {
        # Step Functions, "Run a job (.sync)": it asks for the run's state and stops it when told to.
        Sid      = "RunJob"
        Effect   = "Allow"
        Action   = ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"]
        Resource = [local.job_arn]
      },
      {
        Sid      = "ReadNotices"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = ["${local.s3}${local.output_bucket}/${local.output_prefix}/*/notice.json"]
      },
      { Sid = "Tell", Effect = "Allow", Action = ["sns:Publish"], Resource = [local.topic_arn] },
    ], local.states_statements)
  })
}

locals {
  # What any state machine of ours needs for its log, and to read what is encrypted.
  states_statements = concat([for group in aws_cloudwatch_log_group.states : {
    # AWS, "Step Functions logging": none of these has a resource.
    Sid    = "DeliverLog"
    Effect = "Allow"
    Action = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries",
      "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
    ]
    Resource = ["*"]
    }
    ], [for keys in [var.write_key_arns] : {
      Sid       = "EncryptThroughS3"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = keys
      Condition = { StringEquals = { "kms:ViaService" = distinct([for arn in var.write_key_arns : local.via_s3[arn]]) } }
    } if length(keys) > 0
  ])
}

# One for each further region: GuardDuty's findings there go to the state machine in the home region.
# In the account of GuardDuty's delegated administrator they are those of every member account.
locals {
  region    = data.aws_region.this.id # `name` in provider 5, `region` in 6
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  here      = "${local.region}:${local.account}"
  rule_arn  = "arn:${local.partition}:events:${local.here}:rule/${var.name}-forward"
  queue_arn = "arn:${local.partition}:sqs:${local.here}:${var.name}-not-forwarded"
}

resource "aws_cloudwatch_event_rule" "finding" {
  name          = "${var.name}-forward"
  description   = "GuardDuty findings of ${local.region} to ${var.to.bus_arn}"
  event_pattern = var.to.event_pattern
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "home" {
  rule     = aws_cloudwatch_event_rule.finding.name
  arn      = var.to.bus_arn
  role_arn = aws_iam_role.forward.arn

  # A finding that could not be handed over stays to be seen.
  dead_letter_config {
    arn = aws_sqs_queue.not_forwarded.arn
  }
}

resource "aws_sqs_queue" "not_forwarded" {
  name                      = "${var.name}-not-forwarded"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "not_forwarded" {
  queue_url = aws_sqs_queue.not_forwarded.id
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

resource "aws_iam_role" "forward" {
  name                 = "${var.name}-forward-${local.region}"
  description          = "EventBridge hands findings of ${local.region} to the home region"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { Service = ["events.amazonaws.com"] }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "forward" {
  name = "forward"
  role = aws_iam_role.forward.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "Forward", Effect = "Allow", Action = ["events:PutEvents"], Resource = [var.to.bus_arn] }]
  })
}

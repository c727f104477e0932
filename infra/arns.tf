# ARNs are put together from names, so that a plan shows every policy in full.
locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
  region    = data.aws_region.this.id # `name` in provider 5, `region` in 6
  s3        = "arn:${local.partition}:s3:::"
  here      = "${local.region}:${local.account}"

  job_arn        = "arn:${local.partition}:glue:${local.here}:job/${var.name}"
  machine_arn    = "arn:${local.partition}:states:${local.here}:stateMachine:${var.name}"
  topic_arn      = "arn:${local.partition}:sns:${local.here}:${var.name}"
  log_arn        = "arn:${local.partition}:logs:${local.here}:log-group:"
  rule_arn       = "arn:${local.partition}:events:${local.here}:rule/${var.name}-finding"
  queue_arn      = "arn:${local.partition}:sqs:${local.here}:${var.name}-undelivered"
  output_bucket  = split("/", var.output)[2]
  output_prefix  = trim(join("/", slice(split("/", var.output), 3, length(split("/", var.output)))), "/")
  source_buckets = distinct([for uri in var.flow_logs : split("/", uri)[2]])
  console = lookup({
    aws-cn     = "console.amazonaws.cn"
    aws-us-gov = "console.amazonaws-us-gov.com"
    aws-eusc   = "console.amazonaws-eusc.eu"
  }, local.partition, "${local.region}.console.aws.amazon.com")
  # The job fills {account} and {region} in for the finding at hand: the policy holds any. An ingest
  # walks every account from the folder before the first of them on.
  source_uris = {
    case   = [for uri in var.flow_logs : replace(replace(uri, "{account}", "*"), "{region}", "*")]
    ingest = distinct([for uri in var.flow_logs : replace(uri, "/[/][^/{]*[{].*$/", "")])
    table  = var.ingest[*].flow_table
  }
  places = { for who, uris in local.source_uris : who => [for uri in uris : {
    bucket = split("/", uri)[2]
    prefix = trim(join("/", slice(split("/", uri), 3, length(split("/", uri)))), "/")
  }] }
  sources = local.places.case
}

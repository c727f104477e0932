# Flow logs in another account: read as a role of it, or let in by its policies.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  artifact_bucket  = "artifacts-1"
  flow_logs        = ["s3://logs-1/AWSLogs/{account}/vpcflowlogs/{region}", "s3://logs-2"]
  output           = "s3://cases-1/cases"
  read_key_arns    = ["arn:aws:kms:us-east-1:444455556666:key/11111111-2222-3333-4444-555555555555", "arn:aws:kms:ap-south-1:444455556666:key/22222222-2222-3333-4444-555555555555"]
  write_key_arns   = ["arn:aws:kms:eu-west-1:111122223333:key/66666666-7777-8888-9999-000000000000"]
  emr_serverless   = {}
  role_path        = "/incident-response/"
  more_reader_arns = ["arn:aws:iam::111122223333:role/emr-cluster"]
}

run "read_as_oneself" {
  assert {
    condition     = !contains(keys(aws_glue_job.trace.default_arguments), "--read_role_arn") && !contains(keys(aws_glue_job.trace.default_arguments), "--requester_pays")
    error_message = "Nothing is assumed, and nobody pays."
  }

  assert {
    condition     = output.log_archive.role_trust_policy == null && output.log_archive.role_policy == null
    error_message = "No role, no policies of it."
  }
}

run "read_as_a_role" {
  variables {
    read_role_arn  = "arn:aws:iam::444455556666:role/flow-log-reader"
    requester_pays = true
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--read_role_arn"] == "arn:aws:iam::444455556666:role/flow-log-reader" && aws_glue_job.trace.default_arguments["--requester_pays"] == "true"
    error_message = "The job is told the role, and that it pays."
  }
}

run "china" {
  override_data {
    target = data.aws_partition.this
    values = { partition = "aws-cn", dns_suffix = "amazonaws.com.cn" }
  }

  variables {
    flow_logs        = ["s3://logs-1/AWSLogs"]
    read_role_arn    = "arn:aws-cn:iam::444455556666:role/flow-log-reader"
    read_key_arns    = ["arn:aws-cn:kms:cn-north-1:444455556666:key/11111111-2222-3333-4444-555555555555"]
    write_key_arns   = ["arn:aws-cn:kms:cn-northwest-1:111122223333:key/66666666-7777-8888-9999-000000000000"]
    more_reader_arns = []
  }

  assert {
    condition     = jsondecode(output.log_archive.role_trust_policy).Statement[0].Principal.AWS[0] == "arn:aws-cn:iam::111122223333:role/incident-response/vpc-flow-trace-glue"
    error_message = "ARNs are of the partition."
  }
}

run "a_role_with_a_wildcard" {
  command = plan

  variables {
    read_role_arn = "arn:aws:iam::444455556666:role/*"
  }

  expect_failures = [var.read_role_arn]
}

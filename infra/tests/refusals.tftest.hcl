# What is filled in wrongly is refused before anything is made.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  artifact_bucket = "artifacts-1"
  flow_logs       = ["s3://logs-1/AWSLogs"]
  output          = "s3://cases-1/cases"
}

run "output_among_flow_logs" {
  command = plan

  variables {
    output = "s3://logs-1/cases"
  }

  expect_failures = [var.output]
}

run "artifacts_among_flow_logs" {
  command = plan

  variables {
    artifact_bucket = "logs-1"
  }

  expect_failures = [var.flow_logs]
}

run "an_artifact_bucket_with_a_scheme" {
  command = plan

  variables {
    artifact_bucket = "s3://artifacts-1"
  }

  expect_failures = [var.artifact_bucket]
}

run "flow_logs_without_a_scheme" {
  command = plan

  variables {
    flow_logs = ["logs-1/AWSLogs"]
  }

  expect_failures = [var.flow_logs]
}

run "output_without_a_prefix" {
  command = plan

  variables {
    output = "s3://cases-1"
  }

  expect_failures = [var.output]
}

run "values_that_the_job_would_refuse" {
  command = plan

  variables {
    least_severity    = 11
    role_path         = "incident-response"
    log_key_arn       = "alias/logs"
    signing_key_arn   = "alias/evidence"
    read_key_arns     = ["arn:aws:kms:eu-west-1:111122223333:key/*"]
    job_arguments     = { expected_peers = "10.0.0.2" }
    schedule          = { case_id = "Daily" }
    emr_step_schedule = { cluster_id = "cluster" }
    emr_serverless    = { release = "emr-7.10.0" }
    worker_type       = "Standard"
    finding_accounts  = ["*"]
    collect_labels    = { regions = ["*"], organization_role = "*" }
    ingest            = { flow_table = "s3://tables-1" }
    vpc_connection    = { subnet_id = "10.0.0.0/24", security_group_ids = [], availability_zone = "eu-west-1a" }
    opensearch        = { url = "http://search", domain_arn = "arn:aws:es:eu-west-1:111122223333:domain/flows" }
  }

  expect_failures = [
    var.least_severity, var.role_path, var.log_key_arn, var.signing_key_arn, var.read_key_arns, var.job_arguments,
    var.schedule, var.emr_step_schedule, var.emr_serverless, var.opensearch,
    var.ingest, var.worker_type, var.vpc_connection, var.finding_accounts, var.collect_labels,
  ]
}

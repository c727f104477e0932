# Every optional part at once.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  artifact_bucket    = "artifacts-1"
  flow_logs          = ["s3://logs-1/AWSLogs"]
  output             = "s3://cases-1/cases"
  read_key_arns      = ["arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"]
  write_key_arns     = ["arn:aws:kms:eu-west-1:111122223333:key/66666666-7777-8888-9999-000000000000"]
  label_role_arns    = ["arn:aws:iam::444455556666:role/labels"]
  labels_from_config = true
  notify_email       = "responders@example.com"
  opensearch_domain  = { name = "flows" }
  evidence_bucket    = { retention_days = 30 }
  emr_serverless     = {}
  schedule           = {}
  emr_step_schedule  = { cluster_id = "j-1K48XXXXXXHCB", execution_role_arn = "arn:aws:iam::111122223333:role/step" }
  collect_labels     = { regions = ["eu-west-1", "eu-central-1"] }
  ingest             = { flow_table = "s3://tables-1/flows" }
  worker_type        = "G.2X"
  number_of_workers  = 40
  auto_scaling       = true

  vpc_connection = {
    subnet_id          = "subnet-0a1b2c3d"
    security_group_ids = ["sg-0a1b2c3d"]
    availability_zone  = "eu-west-1a"
  }

  log_key_arn          = "arn:aws:kms:eu-west-1:111122223333:key/99999999-7777-8888-9999-000000000000"
  signing_key_arn      = "arn:aws:kms:eu-west-1:111122223333:key/88888888-7777-8888-9999-000000000000"
  permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
  role_path            = "/incident-response/"
}

run "everything" {
  assert {
    condition     = { for name, value in aws_glue_job.labels[0].default_arguments : name => value if contains(["--regions", "--output", "--role_arns", "--config_history", "--organization_role", "--aggregator"], name) } == { "--regions" = "eu-west-1,eu-central-1", "--output" = "s3://artifacts-1/labels", "--role_arns" = "arn:aws:iam::444455556666:role/labels", "--config_history" = "true" }
    error_message = "Labels are collected of the regions and roles that were asked for."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.labels[0].target[0].input) == { JobName = "vpc-flow-trace-labels" } && aws_glue_job.labels[0].execution_property[0].max_concurrent_runs == 1 && aws_glue_job.labels[0].number_of_workers == 2
    error_message = "One snapshot after the other."
  }

  assert {
    condition     = aws_glue_job.trace.worker_type == "G.2X" && aws_glue_job.trace.number_of_workers == 40 && aws_glue_job.trace.default_arguments["--enable-auto-scaling"] == "true"
    error_message = "The workers are as many, and of the kind, that was asked for."
  }

  assert {
    condition     = aws_glue_job.trace.connections == tolist(["vpc-flow-trace"]) && aws_glue_connection.vpc[0].connection_type == "NETWORK" && aws_glue_connection.vpc[0].physical_connection_requirements[0].subnet_id == "subnet-0a1b2c3d"
    error_message = "The job runs inside the subnet."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.job, aws_iam_role.states, aws_iam_role.events, aws_iam_role.scheduler[0], aws_iam_role.emr_serverless[0], aws_iam_role.labels[0], aws_iam_role.ingest[0]] : role.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary" && role.path == "/incident-response/"])
    error_message = "Every role has the boundary and the path."
  }

  assert {
    condition     = alltrue([for group in [aws_cloudwatch_log_group.job, aws_cloudwatch_log_group.states[0]] : group.kms_key_id == var.log_key_arn]) && aws_glue_security_configuration.job[0].encryption_configuration[0].cloudwatch_encryption[0].kms_key_arn == var.log_key_arn && aws_glue_job.trace.security_configuration == "vpc-flow-trace"
    error_message = "The key encrypts every log group, those that Glue makes included."
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--sign_with"] == var.signing_key_arn
    error_message = "The job signs with the key."
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--opensearch_url"] == "https://search-flows-0a1b2c.eu-west-1.es.amazonaws.com" && aws_glue_job.trace.default_arguments["--opensearch_auth"] == "sigv4"
    error_message = "The job indexes into the domain that was made, with signed requests."
  }

  assert {
    condition     = aws_opensearch_domain.flows[0].encrypt_at_rest[0].enabled && aws_opensearch_domain.flows[0].node_to_node_encryption[0].enabled && aws_opensearch_domain.flows[0].domain_endpoint_options[0].enforce_https && startswith(aws_opensearch_domain.flows[0].domain_endpoint_options[0].tls_security_policy, "Policy-Min-TLS-1-2")
    error_message = "The domain is encrypted, at rest and on the way."
  }

  assert {
    condition     = aws_opensearch_domain.flows[0].advanced_options["rest.action.multi.allow_explicit_index"] == "false"
    error_message = "No bulk body names another index than the policy saw."
  }

  assert {
    condition     = aws_s3_bucket.evidence[0].bucket == "cases-1" && aws_s3_bucket.evidence[0].object_lock_enabled && aws_s3_bucket_versioning.evidence[0].versioning_configuration[0].status == "Enabled"
    error_message = "The evidence bucket is the output's, with Object Lock and versions."
  }

  assert {
    condition     = aws_s3_bucket_object_lock_configuration.evidence[0].rule[0].default_retention[0].mode == "GOVERNANCE" && aws_s3_bucket_object_lock_configuration.evidence[0].rule[0].default_retention[0].days == 30
    error_message = "Every version is locked for the days asked for."
  }

  assert {
    condition     = alltrue([aws_s3_bucket_public_access_block.evidence[0].block_public_acls, aws_s3_bucket_public_access_block.evidence[0].block_public_policy, aws_s3_bucket_public_access_block.evidence[0].ignore_public_acls, aws_s3_bucket_public_access_block.evidence[0].restrict_public_buckets])
    error_message = "Nothing of the evidence is public."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.evidence[0].policy).Statement[0].Effect == "Deny" && jsondecode(aws_s3_bucket_policy.evidence[0].policy).Statement[0].Condition == { Bool = { "aws:SecureTransport" = "false" } }
    error_message = "No request without TLS."
  }

  assert {
    condition     = aws_emrserverless_application.trace[0].auto_stop_configuration[0].enabled && aws_emrserverless_application.trace[0].release_label == "emr-7.13.0" && length(aws_emrserverless_application.trace[0].initial_capacity) == 0
    error_message = "The application stops by itself and keeps nothing warm."
  }

  assert {
    condition     = aws_iam_role_policy_attachment.emr_serverless_trace[0].policy_arn == aws_iam_policy.trace.arn
    error_message = "EMR Serverless may what Glue may."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.glue[0].target[0].input) == { JobName = "vpc-flow-trace", Arguments = { "--scope" = "everything", "--from" = "now-25h", "--to" = "now-1h", "--case_id" = "daily" } }
    error_message = "The schedule runs the Glue job over the last day, an hour late."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.emr_step[0].target[0].input).ExecutionRoleArn == "arn:aws:iam::111122223333:role/step" && [for statement in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : statement.Condition if statement.Sid == "AddStep"] == [{ StringEquals = { "elasticmapreduce:ExecutionRoleArn" = ["arn:aws:iam::111122223333:role/step"] } }]
    error_message = "The step runs in its role, and the schedule may give no other."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.emr_step[0].target[0].input).JobFlowId == "j-1K48XXXXXXHCB" && aws_scheduler_schedule.emr_step[0].target[0].arn == "arn:aws:scheduler:::aws-sdk:emr:addJobFlowSteps"
    error_message = "The step goes to the cluster."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_policy.trace.policy).Statement : try(statement.Condition.StringEquals["kms:ViaService"], "") == "s3.eu-west-1.amazonaws.com" if try(startswith(statement.Action[0], "kms:"), false) && statement.Sid != "SignManifests"])
    error_message = "Keys of buckets are used through S3 only."
  }
}

run "a_step_as_its_cluster" {
  variables {
    emr_step_schedule = { cluster_id = "j-1K48XXXXXXHCB" }
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_scheduler_schedule.emr_step[0].target[0].input)), "ExecutionRoleArn") && [for statement in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : can(statement.Condition) if statement.Sid == "AddStep"] == [false]
    error_message = "Without a role the step runs as the cluster does."
  }
}

run "a_domain_that_exists_with_a_password" {
  variables {
    opensearch_domain = null
    opensearch = {
      url        = "https://search.example.com"
      domain_arn = "arn:aws:es:eu-west-1:111122223333:domain/flows"
      secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:flows-AbCdEf"
    }
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--opensearch_auth"] == "basic" && aws_glue_job.trace.default_arguments["--opensearch_secret"] == "arn:aws:secretsmanager:eu-west-1:111122223333:secret:flows-AbCdEf"
    error_message = "The job gets the name of the secret, never the secret."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : statement.Resource if contains(try(statement.Action, []), "secretsmanager:GetSecretValue")] == [["arn:aws:secretsmanager:eu-west-1:111122223333:secret:flows-AbCdEf"]]
    error_message = "One secret may be read."
  }
}

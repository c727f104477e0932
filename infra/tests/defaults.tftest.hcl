# Three names filled in, nothing optional.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  artifact_bucket = "artifacts-1"
  flow_logs       = ["s3://logs-1/AWSLogs/111122223333/vpcflowlogs/eu-west-1"]
  output          = "s3://cases-1/cases"
}

run "three_names" {
  assert {
    condition     = aws_glue_job.trace.default_arguments["--flow_logs"] == "s3://logs-1/AWSLogs/111122223333/vpcflowlogs/eu-west-1" && aws_glue_job.trace.default_arguments["--output"] == "s3://cases-1/cases" && aws_glue_job.trace.default_arguments["--labels"] == "s3://artifacts-1/labels"
    error_message = "The three names are the job's arguments."
  }

  assert {
    condition     = aws_glue_job.trace.command[0].script_location == "s3://artifacts-1/vpc-flow-trace/trace_instance.py" && aws_glue_job.trace.default_arguments["--extra-py-files"] == "s3://artifacts-1/vpc-flow-trace/vpc_flow_trace.zip"
    error_message = "Script and packages come from the artifact bucket."
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--additional-python-modules"] == "s3://artifacts-1/vpc-flow-trace/packages.gluewheels.zip" && aws_glue_job.trace.default_arguments["--python-modules-installer-option"] == "--no-index"
    error_message = "Wheels are installed from the artifact bucket and from nowhere else."
  }

  assert {
    condition     = length([for value in values(aws_glue_job.trace.default_arguments) : value if can(regex("s3://my-", value))]) == 0
    error_message = "No name of conf/ is left."
  }

  assert {
    condition     = aws_glue_job.trace.glue_version == "5.1" && aws_glue_job.trace.max_retries == 0 && aws_glue_job.trace.execution_property[0].max_concurrent_runs == 10 && aws_glue_job.trace.worker_type == "G.1X" && length(coalesce(aws_glue_job.trace.connections, [])) == 0
    error_message = "Glue 5.1, no retry of its own, several cases at a time, outside every VPC."
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--datalake-formats"] == "delta" && strcontains(aws_glue_job.trace.default_arguments["--conf"], "spark.redaction.regex=")
    error_message = "Delta and redaction are those of conf/glue-job.json."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.finding.event_pattern) == { source = ["aws.guardduty"], "detail-type" = ["GuardDuty Finding"], detail = { severity = [{ numeric = [">=", 4] }], "$or" = [{ resource = { resourceType = ["Instance"] } }, { type = [{ prefix = "AttackSequence:" }] }] } }
    error_message = "Findings on instances and attack sequences, from medium severity on, start a run."
  }

  assert {
    condition     = aws_cloudwatch_event_target.machine.arn == aws_sfn_state_machine.trace.arn && aws_cloudwatch_event_target.machine.dead_letter_config[0].arn == aws_sqs_queue.undelivered.arn
    error_message = "The finding goes to the state machine, and to a queue where that fails."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States.Trace.Parameters == { JobName = "vpc-flow-trace", Arguments = { "--finding.$" = "States.Format('s3://artifacts-1/findings/{}.json', $.id)", "--instance_id.$" = "$.of.instance_id", "--case_id.$" = "$.of.case_id" } }
    error_message = "The run gets the kept finding, its instance and the id of the case."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.trace.definition).States.KeepFinding.Catch[0] == { ErrorEquals = ["States.ALL"], ResultPath = "$.error", Next = "NameNotKept" } && jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States.Trace.Catch[0] == { ErrorEquals = ["States.ALL"], ResultPath = "$.error", Next = "IsWorthAnotherRun" } && jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States.IsWorthAnotherRun.Default == "NameExit"
    error_message = "Whatever fails is told."
  }

  assert {
    condition     = alltrue([for name in ["TellNotice", "TellSuccess", "TellFailure"] : length(jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States[name].Retry) > 0 && jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States[name].Catch[0].ErrorEquals == ["States.ALL"]])
    error_message = "A message that cannot be sent is tried again, and ends as a failed execution."
  }

  assert {
    condition     = aws_sfn_state_machine.trace.logging_configuration[0].level == "ERROR" && !aws_sfn_state_machine.trace.logging_configuration[0].include_execution_data
    error_message = "The state machine logs errors, and no finding."
  }

  assert {
    condition     = aws_iam_role.job.path == "/" && aws_iam_role.job.permissions_boundary == null && aws_glue_job.trace.security_configuration == null
    error_message = "Roles and logs are as AWS makes them unless something else is asked for."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.trace.definition).States.TellNotKept.Next == "Failed" && jsondecode(aws_sfn_state_machine.trace.definition).States.Failed.Type == "Fail" && jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States.TellFailure.Next == "NotTraced" && jsondecode(aws_sfn_state_machine.trace.definition).States.IsComplete.Choices[0].Next == "Failed"
    error_message = "A run that failed is a failed execution."
  }

  assert {
    condition     = aws_sns_topic.ends.kms_master_key_id == "alias/aws/sns" && aws_sqs_queue.undelivered.sqs_managed_sse_enabled && aws_cloudwatch_log_group.job.retention_in_days == 365
    error_message = "Topic and queue are encrypted, the log ends."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.job, aws_iam_role.states, aws_iam_role.events] : jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "111122223333"])
    error_message = "Services take the roles for this account only."
  }

  assert {
    condition = length(concat(
      aws_sns_topic_subscription.email, aws_opensearch_domain.flows, aws_s3_bucket.evidence, aws_s3_bucket_policy.evidence,
      aws_emrserverless_application.trace, aws_iam_role.emr_serverless, aws_scheduler_schedule.glue, aws_scheduler_schedule.emr_step, aws_iam_role.scheduler,
      aws_glue_connection.vpc, aws_glue_job.labels, aws_scheduler_schedule.labels, aws_iam_role.labels, aws_glue_job.ingest, aws_scheduler_schedule.ingest, aws_iam_role.ingest,
      values(aws_cloudwatch_event_permission.findings),
    )) == 0
    error_message = "Nothing optional is there unasked."
  }
}

run "flow_logs_cannot_be_written" {
  variables {
    flow_logs = ["s3://logs-1/AWSLogs", "s3://logs-2"]
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : [statement.NotAction, statement.Resource] if statement.Effect == "Deny"] == [[
      ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"],
      ["arn:aws:s3:::logs-1", "arn:aws:s3:::logs-1/*", "arn:aws:s3:::logs-2", "arn:aws:s3:::logs-2/*"],
    ]]
    error_message = "Everything but reading is denied on buckets of flow logs."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : statement.Resource if try(contains(statement.Action, "s3:PutObject"), false)] == [["arn:aws:s3:::cases-1/cases/*"]]
    error_message = "The prefix of cases is the only place to write to."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : statement.Resource if statement.Sid == "ReadFlowLogs"] == [["arn:aws:s3:::logs-1/AWSLogs/*", "arn:aws:s3:::logs-2/*"]]
    error_message = "Objects are read under the prefixes only."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : statement.Condition.StringLikeIfExists["s3:prefix"] if statement.Resource == ["arn:aws:s3:::logs-1"]] == [["AWSLogs", "AWSLogs/*"]]
    error_message = "Names are listed under the prefixes."
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--flow_logs"] == "s3://logs-1/AWSLogs,s3://logs-2"
    error_message = "Several prefixes are one argument."
  }
}

run "an_organisation" {
  variables {
    flow_logs = ["s3://logs-1/AWSLogs/o-1/{account}/vpcflowlogs/{region}"]
  }

  assert {
    condition     = aws_glue_job.trace.default_arguments["--flow_logs"] == "s3://logs-1/AWSLogs/o-1/{account}/vpcflowlogs/{region}"
    error_message = "The job fills in account and region itself, for each finding."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : statement.Resource if try(statement.Sid, "") == "ReadFlowLogs"] == [["arn:aws:s3:::logs-1/AWSLogs/o-1/*/vpcflowlogs/*/*"]]
    error_message = "One resource holds every account and region of the prefix."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.trace.policy).Statement : statement.Condition.StringLikeIfExists["s3:prefix"] if statement.Effect == "Allow" && try(statement.Resource, []) == ["arn:aws:s3:::logs-1"]] == [["AWSLogs/o-1/*/vpcflowlogs/*", "AWSLogs/o-1/*/vpcflowlogs/*/*"]]
    error_message = "Names of keys are told below the prefix only."
  }

  assert {
    condition     = length(replace(aws_iam_policy.trace.policy, "/\\s/", "")) < 6144
    error_message = "A managed policy has at most 6,144 characters without white space, however many accounts there are."
  }
}

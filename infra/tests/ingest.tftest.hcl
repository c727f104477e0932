# A flow table that fills itself, of an organisation and of a log archive.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  artifact_bucket = "artifacts-1"
  flow_logs       = ["s3://logs-1/AWSLogs/o-1/{account}/vpcflowlogs/{region}"]
  output          = "s3://cases-1/cases"
  ingest          = { flow_table = "s3://tables-1/flows" }
}

run "a_flow_table" {
  assert {
    condition     = { for name, value in aws_glue_job.ingest[0].default_arguments : name => value if !contains(keys(local.conf_arguments), name) || strcontains(value, "s3://logs") } == { "--flow_logs" = "s3://logs-1/AWSLogs/o-1", "--flow_table" = "s3://tables-1/flows", "--strict" = "true", "--enable-continuous-cloudwatch-log" = "true", "--continuous-log-logGroup" = "/vpc-flow-trace/glue" }
    error_message = "Every account below the prefix is read, and what cannot be read fails the run."
  }

  assert {
    condition     = alltrue([for name in ["--extra-py-files", "--additional-python-modules", "--python-modules-installer-option", "--datalake-formats", "--conf", "--labels"] : aws_glue_job.ingest[0].default_arguments[name] == aws_glue_job.trace.default_arguments[name]]) && !contains(keys(aws_glue_job.ingest[0].default_arguments), "--output")
    error_message = "Packages, Delta, redaction and labels are those of the case job."
  }

  assert {
    condition     = aws_glue_job.ingest[0].command[0].script_location == "s3://artifacts-1/vpc-flow-trace/ingest_flows.py" && aws_glue_job.ingest[0].execution_property[0].max_concurrent_runs == 1 && aws_glue_job.ingest[0].max_retries == 0 && aws_glue_job.ingest[0].worker_type == "G.1X" && aws_glue_job.ingest[0].number_of_workers == 4 && aws_glue_job.ingest[0].timeout == 480
    error_message = "One run after the other."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.ingest[0].target[0].input) == { JobName = "vpc-flow-trace-ingest" } && aws_scheduler_schedule.ingest[0].schedule_expression == "rate(1 hour)"
    error_message = "Every hour."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States.Trace.Parameters.Arguments == { "--finding.$" = "States.Format('s3://artifacts-1/findings/{}.json', $.id)", "--instance_id.$" = "$.of.instance_id", "--case_id.$" = "$.of.case_id", "--flow_table" = "s3://tables-1/flows" } && !contains(keys(aws_glue_job.trace.default_arguments), "--flow_table")
    error_message = "The runs that findings start read the table; --scope everything would be refused with it."
  }

  assert {
    condition     = jsondecode(aws_iam_role.ingest[0].assume_role_policy).Statement[0].Principal.Service == ["glue.amazonaws.com"] && output.ingest.job_name == "vpc-flow-trace-ingest"
    error_message = "Only Glue takes the role."
  }

  assert {
    condition     = { for statement in jsondecode(aws_iam_role_policy.ingest[0].policy).Statement : statement.Resource[0] => statement.Condition.StringLikeIfExists["s3:prefix"] if try(statement.Action, []) == ["s3:ListBucket"] } == { "arn:aws:s3:::logs-1" = ["AWSLogs/o-1", "AWSLogs/o-1/*"], "arn:aws:s3:::artifacts-1" = ["labels", "labels/*"], "arn:aws:s3:::tables-1" = ["flows", "flows/*"] }
    error_message = "Names are told of what is walked, of labels and of the table."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.ingest[0].policy).Statement : statement.Resource if statement.Effect == "Deny"] == [["arn:aws:s3:::logs-1", "arn:aws:s3:::logs-1/*"]]
    error_message = "Everything but reading is denied on buckets of flow logs."
  }
}

run "a_flow_table_as_asked_for" {
  variables {
    flow_logs = ["s3://logs-1/AWSLogs/{account}/vpcflowlogs/eu-west-1", "s3://logs-1/AWSLogs/{account}/vpcflowlogs/{region}", "s3://logs-2/{region}", "s3://logs-3/of-{account}", "s3://logs-4/AWSLogs"]
    ingest    = { flow_table = "s3://cases-1/flows", expression = "cron(20 * * * ? *)", late_days = 2, worker_type = "G.2X", number_of_workers = 20, timeout_minutes = 60, read_by_cases = false, arguments = { "--reads_in_flight" = "8" } }
  }

  assert {
    condition     = aws_glue_job.ingest[0].default_arguments["--flow_logs"] == "s3://logs-1/AWSLogs,s3://logs-2,s3://logs-3,s3://logs-4/AWSLogs"
    error_message = "A prefix ends with the folder before its first place, and counts once."
  }

  assert {
    condition     = aws_glue_job.ingest[0].default_arguments["--late_days"] == "2" && aws_glue_job.ingest[0].default_arguments["--reads_in_flight"] == "8" && aws_glue_job.ingest[0].worker_type == "G.2X" && aws_glue_job.ingest[0].number_of_workers == 20 && aws_glue_job.ingest[0].timeout == 60 && aws_scheduler_schedule.ingest[0].schedule_expression == "cron(20 * * * ? *)"
    error_message = "The job is as it was asked for."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_sfn_state_machine.trace.definition).States.EachCase.ItemProcessor.States.Trace.Parameters.Arguments), "--flow_table") && !strcontains(aws_iam_policy.trace.policy, "/flows")
    error_message = "Until cases are to read it, they neither do nor may."
  }
}

run "a_flow_table_of_an_archive" {
  variables {
    read_role_arn  = "arn:aws:iam::444455556666:role/flow-log-reader"
    requester_pays = true
    read_key_arns  = ["arn:aws:kms:eu-west-1:444455556666:key/11111111-2222-3333-4444-555555555555"]
  }

  assert {
    condition     = aws_glue_job.ingest[0].default_arguments["--read_role_arn"] == "arn:aws:iam::444455556666:role/flow-log-reader" && aws_glue_job.ingest[0].default_arguments["--requester_pays"] == "true"
    error_message = "The ingest reads as the role of the archive."
  }

  assert {
    condition     = contains(jsondecode(output.log_archive.role_trust_policy).Statement[0].Principal.AWS, "arn:aws:iam::111122223333:role/vpc-flow-trace-ingest") && [for statement in jsondecode(output.log_archive.role_policy).Statement : statement.Condition.StringLikeIfExists["s3:prefix"] if statement.Action == ["s3:ListBucket"]] == [["AWSLogs/o-1/*/vpcflowlogs/*", "AWSLogs/o-1/*/vpcflowlogs/*/*", "AWSLogs/o-1", "AWSLogs/o-1/*"]]
    error_message = "The archive's role trusts the ingest, and lets it walk the accounts."
  }
}

run "a_flow_table_that_is_watched" {
  variables {
    ingest = { flow_table = "s3://tables-1/flows", keep_days = 400, watch_list = "s3://artifacts-1/watched.txt" }
  }

  assert {
    condition     = aws_glue_job.ingest[0].default_arguments["--keep_days"] == "400" && aws_glue_job.ingest[0].default_arguments["--watch_list"] == "s3://artifacts-1/watched.txt"
    error_message = "The job deletes old days, and watches."
  }

  assert {
    condition     = length(aws_scheduler_schedule.ingest) == 0 && aws_scheduler_schedule.watch[0].target[0].arn == "arn:aws:states:eu-west-1:111122223333:stateMachine:vpc-flow-trace-ingest" && aws_scheduler_schedule.watch[0].schedule_expression == "rate(1 hour)"
    error_message = "The schedule starts the machine that tells, and nothing else starts the job."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.ingest[0].definition).States.ReadNotice.Parameters == { Bucket = "tables-1", Key = "flows/notice.json" } && jsondecode(aws_sfn_state_machine.ingest[0].definition).States.Ingest.TimeoutSeconds == 29700
    error_message = "The notice is that of the table."
  }
}

run "a_flow_table_on_emr_serverless" {
  variables {
    emr_serverless = { architecture = "ARM64" }
    ingest         = { flow_table = "s3://tables-1/flows", on = "emr-serverless", keep_days = 30, watch_list = "s3://artifacts-1/watched.txt" }
  }

  assert {
    condition     = length(aws_glue_job.ingest) + length(aws_scheduler_schedule.ingest) + length(aws_sfn_state_machine.ingest) == 0 && output.ingest.job_name == null
    error_message = "Nothing of Glue is made for it."
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.ingest_serverless[0].target[0].input).ExecutionRoleArn == "arn:aws:iam::111122223333:role/vpc-flow-trace-ingest" && jsondecode(aws_iam_role.ingest[0].assume_role_policy).Statement[0].Principal.Service == ["emr-serverless.amazonaws.com"] && aws_iam_role.ingest[0].name == "vpc-flow-trace-ingest"
    error_message = "It runs in the role of the ingest, which EMR Serverless alone takes."
  }

  assert {
    condition     = strcontains(aws_scheduler_schedule.ingest_serverless[0].target[0].input, "\"<aws.scheduler.execution-id>\"") && strcontains(jsondecode(aws_scheduler_schedule.ingest_serverless[0].target[0].input).JobDriver.SparkSubmit.SparkSubmitParameters, "s3://artifacts-1/vpc-flow-trace/packages-aarch64.tar.gz#packages")
    error_message = "A retry starts no second run, and packages are of the application's architecture."
  }
}

run "a_flow_table_by_steps_of_a_cluster" {
  variables {
    ingest = { flow_table = "s3://tables-1/flows", on = "emr-step", cluster_id = "j-2AXXXXXXGAPLF", execution_role_arn = "arn:aws:iam::111122223333:role/steps", keep_days = 30 }
  }

  assert {
    condition     = length(aws_glue_job.ingest) + length(aws_iam_role.ingest) + length(aws_scheduler_schedule.ingest) + length(aws_scheduler_schedule.ingest_serverless) == 0 && output.ingest.role_arn == null
    error_message = "Nothing of Glue and no role is made for it."
  }

  assert {
    condition     = { for name, value in jsondecode(aws_scheduler_schedule.ingest_step[0].target[0].input) : name => value if name != "Steps" } == { JobFlowId = "j-2AXXXXXXGAPLF", ExecutionRoleArn = "arn:aws:iam::111122223333:role/steps" }
    error_message = "The step runs on the cluster, in the role."
  }

  assert {
    condition     = slice(jsondecode(aws_scheduler_schedule.ingest_step[0].target[0].input).Steps[0].HadoopJarStep.Args, local.script_at, length(jsondecode(aws_scheduler_schedule.ingest_step[0].target[0].input).Steps[0].HadoopJarStep.Args)) == ["s3://artifacts-1/vpc-flow-trace/ingest_flows.py", "--flow_logs", "s3://logs-1/AWSLogs/o-1", "--flow_table", "s3://tables-1/flows", "--keep_days", "30", "--labels", "s3://artifacts-1/labels", "--strict", "true"] && slice(jsondecode(aws_scheduler_schedule.ingest_step[0].target[0].input).Steps[0].HadoopJarStep.Args, 0, local.script_at) == slice(local.step_words, 0, local.script_at)
    error_message = "spark-submit is that of a case, the script and its flags are the ingest's."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : [statement.Action, statement.Resource, statement.Condition]] == [[["elasticmapreduce:AddJobFlowSteps"], ["arn:aws:elasticmapreduce:eu-west-1:111122223333:cluster/j-2AXXXXXXGAPLF"], { StringEquals = { "elasticmapreduce:ExecutionRoleArn" = ["arn:aws:iam::111122223333:role/steps"] } }]]
    error_message = "The schedule adds steps to this cluster, in this role and no other."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.ingest[0].policy).Statement : statement.Resource if try(statement.Sid, "") == "KeepFlowTable"] == [["arn:aws:s3:::tables-1/flows/*"]]
    error_message = "The policy to attach writes to the table alone."
  }
}

run "a_step_without_its_cluster" {
  command = plan

  variables {
    ingest = { flow_table = "s3://tables-1/flows", on = "emr-step" }
  }

  expect_failures = [var.ingest]
}

run "an_ingest_on_an_application_that_is_not_there" {
  command = plan

  variables {
    ingest = { flow_table = "s3://tables-1/flows", on = "emr-serverless" }
  }

  expect_failures = [aws_scheduler_schedule.ingest_serverless]
}

run "days_that_would_be_read_again" {
  command = plan

  variables {
    ingest = { flow_table = "s3://tables-1/flows", keep_days = 3 }
  }

  expect_failures = [var.ingest]
}

run "a_watch_list_that_the_job_may_not_read" {
  command = plan

  variables {
    ingest = { flow_table = "s3://tables-1/flows", watch_list = "s3://artifacts-1/*" }
  }

  expect_failures = [var.ingest]
}

run "a_flow_table_among_flow_logs" {
  command = plan

  variables {
    ingest = { flow_table = "s3://logs-1/flows" }
  }

  expect_failures = [var.ingest]
}

run "a_flow_table_among_cases" {
  command = plan

  variables {
    ingest = { flow_table = "s3://cases-1/cases/flows" }
  }

  expect_failures = [var.ingest]
}

run "a_flow_table_around_labels" {
  command = plan

  variables {
    ingest = { flow_table = "s3://artifacts-1/labels" }
  }

  expect_failures = [var.ingest]
}

run "an_ingest_that_the_job_would_refuse" {
  command = plan

  variables {
    ingest = { flow_table = "s3://tables-1/flows/", expression = "hourly", late_days = 0.5, number_of_workers = 1, arguments = { late_days = "2" } }
  }

  expect_failures = [var.ingest]
}

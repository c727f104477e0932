# An organisation: findings of several regions and of another account's GuardDuty.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  artifact_bucket = "artifacts-1"
  flow_logs       = ["s3://logs-1/AWSLogs/o-1/{account}/vpcflowlogs/{region}"]
  output          = "s3://cases-1/cases"
}

run "findings_of_another_account" {
  variables {
    finding_accounts = ["444455556666"]
  }

  assert {
    condition     = [for permission in aws_cloudwatch_event_permission.findings : [permission.principal, permission.action]] == [["444455556666", "events:PutEvents"]]
    error_message = "Only the delegated administrator's account may put events."
  }

  assert {
    condition     = output.forward.bus_arn == "arn:aws:events:eu-west-1:111122223333:event-bus/default" && output.forward.event_pattern == aws_cloudwatch_event_rule.finding.event_pattern
    error_message = "Other regions forward what the home region takes, to its bus."
  }
}

run "labels_of_every_account" {
  variables {
    collect_labels = { regions = ["eu-west-1", "eu-central-1"], organization_role = "labels-member" }
  }

  assert {
    condition     = aws_glue_job.labels[0].default_arguments["--organization_role"] == "labels-member" && !contains(keys(aws_glue_job.labels[0].default_arguments), "--role_arns") && aws_glue_job.labels[0].default_arguments["--python-modules-installer-option"] == "--no-index"
    error_message = "The job finds the accounts itself."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_policy.collect_labels.policy).Statement : [statement.Resource, statement.Condition] if statement.Action == ["sts:AssumeRole"]] == [[["arn:aws:iam::*:role/labels-member"], { StringEquals = { "aws:ResourceOrgID" = "$${aws:PrincipalOrgID}" } }]]
    error_message = "Roles of this name are assumed in accounts of the own organisation only."
  }
}

run "labels_of_an_aggregator" {
  variables {
    collect_labels = { regions = ["eu-west-1"], aggregator = "all-accounts", aws_ranges = "s3://artifacts-1/labels/ip-ranges.json" }
  }

  assert {
    condition     = aws_glue_job.labels[0].default_arguments["--aggregator"] == "all-accounts" && aws_glue_job.labels[0].default_arguments["--aws_ranges"] == "s3://artifacts-1/labels/ip-ranges.json"
    error_message = "The job asks the aggregator."
  }
}

run "two_ways_to_the_labels_of_an_organisation" {
  command = plan

  variables {
    collect_labels = { regions = ["eu-west-1"], aggregator = "all-accounts", organization_role = "labels-member" }
  }

  expect_failures = [var.collect_labels]
}

run "a_further_region" {
  module {
    source = "./forward"
  }

  variables {
    to = {
      bus_arn       = "arn:aws:events:eu-central-1:111122223333:event-bus/default"
      event_pattern = "{\"source\":[\"aws.guardduty\"]}"
    }
  }

  assert {
    condition     = aws_cloudwatch_event_target.home.arn == "arn:aws:events:eu-central-1:111122223333:event-bus/default" && aws_cloudwatch_event_target.home.dead_letter_config[0].arn == aws_sqs_queue.not_forwarded.arn
    error_message = "Findings go to the home region's bus, and to a queue where that fails."
  }

  assert {
    condition     = aws_iam_role.forward.name == "vpc-flow-trace-forward-eu-west-1"
    error_message = "A role has one name in all regions, so each region has its own."
  }
}

run "a_bus_that_is_none" {
  command = plan

  module {
    source = "./forward"
  }

  variables {
    to = {
      bus_arn       = "arn:aws:events:*:111122223333:event-bus/default"
      event_pattern = "{}"
    }
  }

  expect_failures = [var.to]
}

output "job_name" {
  value       = aws_glue_job.trace.name
  description = "The Glue job: aws glue start-job-run --job-name … --arguments …"
}

output "default_arguments" {
  value       = aws_glue_job.trace.default_arguments
  description = "What every run of the job gets unless its own arguments say otherwise."
}

output "job_role_arn" {
  value       = aws_iam_role.job.arn
  description = "Role of the Glue job, for key policies and for roles of an OpenSearch domain."
}

output "trace_policy_arn" {
  value       = aws_iam_policy.trace.arn
  description = "What a run reads and writes; attach it to the instance profile of an EMR cluster."
}

output "collect_labels_policy_arn" {
  value       = aws_iam_policy.collect_labels.arn
  description = "For whoever runs python -m jobs.collect_labels."
}

output "topic_arn" {
  value       = aws_sns_topic.ends.arn
  description = "Says how every run that a finding started has ended."
}

output "state_machine_arn" {
  value       = aws_sfn_state_machine.trace.arn
  description = "Takes a finding as EventBridge delivers it: aws stepfunctions start-execution --input …"
}

output "undelivered_url" {
  value       = aws_sqs_queue.undelivered.url
  description = "Findings that could not be handed over; expected to be empty."
}

output "upload" {
  description = "Puts what `make dist-glue` made where the job expects it; run in the repository."
  value       = "for f in dist/* jobs/trace_instance.py jobs/collect_labels.py jobs/ingest_flows.py; do aws s3 cp $f ${local.artifacts}/vpc-flow-trace/; done"
}

output "emr_serverless" {
  description = "applicationId and executionRoleArn for conf/emr-serverless.json; null without."
  value = one([for at, wish in var.emr_serverless[*] : {
    application_id     = aws_emrserverless_application.trace[at].id
    execution_role_arn = aws_iam_role.emr_serverless[at].arn
  }])
}

output "opensearch_url" {
  value       = try(local.opensearch.url, null)
  description = "Where the view is; null without."
}

output "forward" {
  description = "Where infra/forward sends the findings of another region or account, and which."
  value = {
    bus_arn       = "arn:${local.partition}:events:${local.here}:event-bus/default"
    event_pattern = aws_cloudwatch_event_rule.finding.event_pattern
  }
}

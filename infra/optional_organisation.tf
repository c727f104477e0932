# Findings of another account's GuardDuty: that of the delegated administrator, where it is not this
# one. It sends them to this bus (infra/forward); nobody else may.
resource "aws_cloudwatch_event_permission" "findings" {
  for_each = var.finding_accounts

  action       = "events:PutEvents"
  principal    = each.value
  statement_id = "${var.name}-${each.value}"
}

output "not_forwarded_url" {
  value       = aws_sqs_queue.not_forwarded.url
  description = "Findings that could not be handed over; expected to be empty."
}

output "queues" {
  description = "Name, URL and ARN of the queues requests and status, and of their dead-letter queues."
  value = {
    for kind, queue in aws_sqs_queue.main : kind => {
      name            = queue.name
      url             = queue.url
      arn             = queue.arn
      dead_letter_url = aws_sqs_queue.dead_letters[kind].url
      dead_letter_arn = aws_sqs_queue.dead_letters[kind].arn
    }
  }
}

output "buckets" {
  description = "Name and ARN of the input and the output bucket."
  value       = { for kind, bucket in aws_s3_bucket.images : kind => { name = bucket.bucket, arn = bucket.arn } }
}

output "table" {
  description = "Name and ARN of the job table."
  value       = { name = aws_dynamodb_table.jobs.name, arn = aws_dynamodb_table.jobs.arn }
}

variable "name" {
  description = "Prefix of the name of the alarm topic."
  type        = string
}

variable "suffix" {
  description = "Suffix of the names of the queues."
  type        = string
}

variable "account_id" {
  description = "The only account whose principals may use the queues."
  type        = string
}

variable "visibility_timeout" {
  description = "Seconds for which a received message is hidden."
  type        = number
}

variable "alarm_email" {
  description = "Address for alarms; empty: none."
  type        = string
}

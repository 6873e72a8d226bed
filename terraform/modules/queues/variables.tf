variable "name" {
  description = "Begins the name of the topic of alarms."
  type        = string
}

variable "suffix" {
  description = "Ends the names of the queues."
  type        = string
}

variable "account_id" {
  description = "The one account whose principals may use the queues."
  type        = string
}

variable "visibility_timeout" {
  description = "Seconds that a message is hidden when it was received."
  type        = number
}

variable "alarm_email" {
  description = "Address for alarms; empty: none."
  type        = string
}

variable "project" {
  description = "The Google Cloud project, by its id."
  type        = string
}

variable "region" {
  description = "Of the job, the bucket, the images and the kept dead letters."
  type        = string
}

variable "name" {
  description = "Of the sync: the job, its topic and its subscription are called so, and the names of all else begin with it."
  type        = string
  default     = "amplitude-to-iterable"

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{4,20}[a-z0-9]$", var.name))
    error_message = "6 to 22 lowercase letters, digits and hyphens, a letter first: names of service accounts are made of it."
  }
}

variable "config" {
  description = "The sync's YAML, a file here; its destination.api_key is output.api_key."
  type        = string
}

variable "template" {
  description = "gs:// path of the template's spec, as `make template` writes it. Empty: all but the job is made."
  type        = string
  default     = ""
}

variable "image" {
  description = "The image that the template was built of; workers run it, too."
  type        = string
  default     = ""
}

variable "share" {
  description = "Of Iterable's limits, to run beside another sync of the same project."
  type        = string
  default     = "100%"
}

variable "max_workers" {
  description = "More than three never help: Iterable's limits bound the job."
  type        = number
  default     = 3
}

variable "machine_type" {
  description = "Two vCPUs make two processes, whose 12 threads each are enough for all shards."
  type        = string
  default     = "n2-standard-2"
}

variable "subnetwork" {
  description = "regions/REGION/subnetworks/SUBNETWORK with a route to the internet, for workers without public addresses. Empty: the default network, and public addresses."
  type        = string
  default     = ""
}

variable "transform_name_mapping" {
  description = "Old to new labels, for one update that renames a step; see docs/dataflow.md."
  type        = map(string)
  default     = {}
}

variable "amplitude_members" {
  description = "Who may publish to the topic: what Amplitude's Pub/Sub destination logs in as, such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com."
  type        = set(string)
}

variable "dead_letter_days" {
  description = "For how long dead letters are kept in BigQuery: they hold people's data."
  type        = number
  default     = 90
}

variable "notification_channels" {
  description = "Who is told of an alert: projects/PROJECT/notificationChannels/ID."
  type        = list(string)
  default     = []
}

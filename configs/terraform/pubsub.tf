# Where Amplitude writes, and what the job reads.

resource "google_pubsub_topic" "events" {
  name       = var.name
  depends_on = [google_project_service.used]
}

resource "google_pubsub_topic_iam_member" "amplitude" {
  for_each = var.amplitude_members
  topic    = google_pubsub_topic.events.name
  role     = "roles/pubsub.publisher"
  member   = each.value
}

# No dead-letter policy: it counts deliveries, and an outage of Iterable is many. The job's own dead letters say why.
resource "google_pubsub_subscription" "events" {
  name                       = var.name
  topic                      = google_pubsub_topic.events.id
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s" # 7 days: for as long Iterable may be away

  expiration_policy {
    ttl = "" # never
  }
}

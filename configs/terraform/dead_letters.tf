# What cannot be delivered: once to look at and replay from, once to keep.

resource "google_pubsub_topic" "dead_letters" {
  name       = "${var.name}-dead-letters"
  depends_on = [google_project_service.used]
}

resource "google_pubsub_subscription" "dead_letters" {
  name                       = google_pubsub_topic.dead_letters.name
  topic                      = google_pubsub_topic.dead_letters.id
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }
}

resource "google_bigquery_dataset" "dead_letters" {
  dataset_id = replace("${var.name}_dead_letters", "-", "_")
  location   = var.region
  depends_on = [google_project_service.used]
}

# The columns that Pub/Sub writes. `data` is bytes: a dead letter may be no JSON. `attributes` holds dl_reason and its like.
resource "google_bigquery_table" "dead_letters" {
  dataset_id          = google_bigquery_dataset.dead_letters.dataset_id
  table_id            = "letters"
  deletion_protection = true
  schema = jsonencode([
    { name = "data", type = "BYTES" },
    { name = "attributes", type = "JSON" },
    { name = "message_id", type = "STRING" },
    { name = "publish_time", type = "TIMESTAMP" },
    { name = "subscription_name", type = "STRING" },
  ])

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = var.dead_letter_days * 24 * 60 * 60 * 1000
  }
}

resource "google_bigquery_table_iam_member" "pubsub" {
  dataset_id = google_bigquery_table.dead_letters.dataset_id
  table_id   = google_bigquery_table.dead_letters.table_id
  role       = "roles/bigquery.dataEditor"
  member     = google_project_service_identity.pubsub.member
}

resource "google_pubsub_subscription" "dead_letters_kept" {
  name                       = "${google_pubsub_topic.dead_letters.name}-kept"
  topic                      = google_pubsub_topic.dead_letters.id
  message_retention_duration = "604800s"
  depends_on                 = [google_bigquery_table_iam_member.pubsub]

  bigquery_config {
    table          = "${var.project}.${google_bigquery_table.dead_letters.dataset_id}.${google_bigquery_table.dead_letters.table_id}"
    write_metadata = true
  }

  expiration_policy {
    ttl = ""
  }
}

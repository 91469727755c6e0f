# What must be switched on.

resource "google_project_service" "used" {
  for_each = toset([
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "compute.googleapis.com",
    "dataflow.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ])
  service            = each.value
  disable_on_destroy = false # others may use it
}

# Pub/Sub's own account, which writes to BigQuery.
resource "google_project_service_identity" "pubsub" {
  service    = "pubsub.googleapis.com"
  depends_on = [google_project_service.used]
}

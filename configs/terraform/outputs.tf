output "topic" {
  description = "For Amplitude's Pub/Sub destination."
  value       = google_pubsub_topic.events.id
}

output "api_key" {
  description = "For destination.api_key of the config."
  value       = "secret:${google_secret_manager_secret.api_key.id}/versions/latest"
}

output "add_key" {
  description = "Gives the secret its value, and a new one later."
  value       = "gcloud secrets versions add ${google_secret_manager_secret.api_key.secret_id} --project=${var.project} --data-file=-"
}

output "images" {
  description = "Where the image of the template is pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "bucket" {
  description = "Where the template's spec is written to."
  value       = "gs://${google_storage_bucket.job.name}"
}

output "dead_letters" {
  description = "For `a2i dead` and `a2i replay`."
  value       = google_pubsub_subscription.dead_letters.id
}

output "worker" {
  description = "The account that the job runs as."
  value       = google_service_account.worker.email
}

output "launcher" {
  description = "The account that may build the template and launch the job."
  value       = google_service_account.launcher.email
}

# The streaming job. A change of the config, the template or a parameter updates it in place; it is drained, never cancelled.

resource "google_dataflow_flex_template_job" "sync" {
  count                   = var.template == "" ? 0 : 1
  name                    = var.name
  region                  = var.region
  container_spec_gcs_path = var.template
  sdk_container_image     = var.image
  on_delete               = "drain"
  transform_name_mapping  = var.transform_name_mapping

  parameters = {
    config             = "gs://${google_storage_bucket.job.name}/${google_storage_bucket_object.config.name}"
    input_subscription = google_pubsub_subscription.events.id
    dead_letter_topic  = google_pubsub_topic.dead_letters.id
    share              = var.share
  }

  service_account_email   = google_service_account.worker.email
  temp_location           = "gs://${google_storage_bucket.job.name}/temp"
  staging_location        = "gs://${google_storage_bucket.job.name}/staging"
  enable_streaming_engine = true
  machine_type            = var.machine_type
  num_workers             = 1
  max_workers             = var.max_workers
  subnetwork              = var.subnetwork == "" ? null : var.subnetwork
  ip_configuration        = var.subnetwork == "" ? null : "WORKER_IP_PRIVATE"

  depends_on = [
    google_artifact_registry_repository_iam_member.worker,
    google_project_iam_member.worker,
    google_pubsub_subscription_iam_member.worker,
    google_pubsub_topic_iam_member.worker,
    google_secret_manager_secret_iam_member.worker,
    google_storage_bucket_iam_member.worker,
  ]
}

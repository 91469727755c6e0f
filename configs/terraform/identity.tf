# Who may do what. The job runs, and is launched, as one account; another may launch it, from CI.

resource "google_service_account" "worker" {
  account_id   = "${var.name}-worker"
  display_name = "${var.name}: the job"
  depends_on   = [google_project_service.used]
}

resource "google_project_iam_member" "worker" {
  project = var.project
  role    = "roles/dataflow.worker"
  member  = google_service_account.worker.member
}

resource "google_pubsub_subscription_iam_member" "worker" {
  for_each     = toset(["roles/pubsub.subscriber", "roles/pubsub.viewer"]) # Dataflow asks for the subscription's settings
  subscription = google_pubsub_subscription.events.name
  role         = each.value
  member       = google_service_account.worker.member
}

resource "google_pubsub_topic_iam_member" "worker" {
  for_each = toset(["roles/pubsub.publisher", "roles/pubsub.viewer"]) # a launch asks whether the topic exists
  topic    = google_pubsub_topic.dead_letters.name
  role     = each.value
  member   = google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "worker" {
  secret_id = google_secret_manager_secret.api_key.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.worker.member
}

resource "google_storage_bucket_iam_member" "worker" {
  bucket = google_storage_bucket.job.name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.worker.member
}

resource "google_artifact_registry_repository_iam_member" "worker" {
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.worker.member
}

resource "google_service_account" "launcher" {
  account_id   = "${var.name}-launch"
  display_name = "${var.name}: builds the template and launches the job"
  depends_on   = [google_project_service.used]
}

resource "google_project_iam_member" "launcher" {
  project = var.project
  role    = "roles/dataflow.developer"
  member  = google_service_account.launcher.member
}

resource "google_service_account_iam_member" "launcher" {
  service_account_id = google_service_account.worker.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.launcher.member
}

resource "google_storage_bucket_iam_member" "launcher" {
  bucket = google_storage_bucket.job.name
  role   = "roles/storage.objectAdmin"
  member = google_service_account.launcher.member
}

resource "google_artifact_registry_repository_iam_member" "launcher" {
  repository = google_artifact_registry_repository.images.name
  location   = google_artifact_registry_repository.images.location
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.launcher.member
}

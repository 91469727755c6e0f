# What a launch needs: a bucket for the template, the config and what Beam stages, and a place for images.

resource "google_storage_bucket" "job" {
  name                        = "${var.project}-${var.name}"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  depends_on                  = [google_project_service.used]

  lifecycle_rule {
    condition {
      age            = 14
      matches_prefix = ["temp/"] # what is staged must live as long as the job
    }
    action {
      type = "Delete"
    }
  }
}

# Its name changes with it, so that a changed config is an update of the job.
resource "google_storage_bucket_object" "config" {
  bucket = google_storage_bucket.job.name
  name   = "configs/${filesha256(var.config)}.yaml"
  source = var.config
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  depends_on    = [google_project_service.used]
}

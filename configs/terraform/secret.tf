# Iterable's key. Its value is no business of Terraform, whose state would hold it: see output.add_key.

resource "google_secret_manager_secret" "api_key" {
  secret_id  = "${var.name}-api-key"
  depends_on = [google_project_service.used]

  replication {
    auto {}
  }
}

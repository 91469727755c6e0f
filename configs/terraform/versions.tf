terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google-beta" # flex-template jobs are in this one alone
      version = ">= 6.50, < 8"
    }
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

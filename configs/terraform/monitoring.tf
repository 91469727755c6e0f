# The dashboard and the alerts of configs/monitoring, for a sync of this name.

locals {
  monitoring = "${path.module}/../monitoring"
  alerts = {
    for file in fileset("${local.monitoring}/alerts", "*.json") :
    trimsuffix(file, ".json") => jsondecode(replace(file("${local.monitoring}/alerts/${file}"), "amplitude-to-iterable", var.name))
  }
}

resource "google_monitoring_dashboard" "sync" {
  dashboard_json = replace(file("${local.monitoring}/dashboard.json"), "amplitude-to-iterable", var.name)
  depends_on     = [google_project_service.used]
}

resource "google_monitoring_alert_policy" "sync" {
  for_each              = local.alerts
  display_name          = each.value.displayName
  severity              = each.value.severity
  combiner              = each.value.combiner
  notification_channels = var.notification_channels
  depends_on            = [google_project_service.used]

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.value.displayName

      condition_prometheus_query_language {
        query                     = conditions.value.conditionPrometheusQueryLanguage.query
        duration                  = conditions.value.conditionPrometheusQueryLanguage.duration
        evaluation_interval       = conditions.value.conditionPrometheusQueryLanguage.evaluationInterval
        disable_metric_validation = conditions.value.conditionPrometheusQueryLanguage.disableMetricValidation
      }
    }
  }

  documentation {
    content   = each.value.documentation.content
    mime_type = each.value.documentation.mimeType
  }

  alert_strategy {
    auto_close = each.value.alertStrategy.autoClose
  }
}

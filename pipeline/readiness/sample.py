# SPDX-License-Identifier: Apache-2.0
"""What a sample of rows says of a config: what is never there, and of what types are the values. Asks nobody."""

from collections.abc import Collection, Iterable, Mapping

from pipeline.config.loader import LoadedConfig
from pipeline.preview.findings import findings, warnings_among
from pipeline.preview.survey import Survey
from pipeline.readiness.report import Report
from transforms.model.items import USER, Message

SUBJECT = "Sample"


def look_at_sample(report: Report, loaded: LoadedConfig, rows: Iterable[Message]) -> Mapping[str, Collection[str]]:
    """Warnings to the report. Returns the types of what profiles get, as Iterable infers them, by field."""
    survey = Survey(loaded)
    for message in rows:
        survey.add(message)
    warnings = warnings_among(findings(survey))
    for warning in warnings:
        what = f"line {warning.line}" if warning.line else "data"
        report.add(SUBJECT, "warning", what, f"{warning.what}: {warning.told}", warning.line)
    if not survey.rows:
        report.add(SUBJECT, "warning", "rows", "there is none in it")
    elif not warnings:
        report.add(SUBJECT, "ok", "rows", f"{survey.rows:,}, in which all is found that the config names")
    return {name: list(types) for name, types in survey.fields[USER, ""].items()}

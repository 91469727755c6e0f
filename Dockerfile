# syntax=docker/dockerfile:1
ARG PYTHON_VERSION=3.11
ARG BEAM_VERSION=2.77.0
# Google's release 20260720_RC00 of it; docs/dataflow.md says how to take another one.
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base@sha256:35e7280471e19e0dfa4399944978569f5f4adee51d6d10191d613295cae8b75d

FROM apache/beam_python${PYTHON_VERSION}_sdk:${BEAM_VERSION} AS worker
FROM ${LAUNCHER} AS launcher

FROM python:${PYTHON_VERSION}-slim AS code
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
COPY requirements.txt /app/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /app/requirements.txt && pip check
COPY pipeline /app/pipeline
COPY transforms /app/transforms
# Nothing writes byte code later: every start would compile all of it.
RUN python -m compileall -q /app && useradd --uid 10001 --create-home app

# The commands for one machine: drain, backfill, replay, the view of dead letters. See docs/one_machine.md.
FROM code AS commands
ENV A2I_STATE_DIR=/data/state
RUN install --directory --owner app /data
USER app
WORKDIR /data
ENTRYPOINT ["python", "-m"]
CMD ["pipeline", "--help"]

# The streaming job on Dataflow: one image for the template's launcher and the workers. See docs/dataflow.md.
FROM code AS dataflow
COPY --from=worker /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY configs/flex_template/main.py /template/
# Without the second, a worker's boot program makes a virtual environment that has to be filled first.
ENV FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
# The launcher's log and what Dataflow mounts for boot are root's, see docs/dataflow.md; `app` is for who tries without.
ARG RUN_AS=root
USER ${RUN_AS}
WORKDIR /template
ENTRYPOINT ["/opt/apache/beam/boot"]

# syntax=docker/dockerfile:1

# The commands for one machine: drain, backfill, replay, the view of dead letters. See docs/one_machine.md.
FROM python:3.11-slim AS commands
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app A2I_STATE_DIR=/data/state
COPY requirements.txt /app/
RUN pip install --no-cache-dir --no-deps --require-hashes -r /app/requirements.txt && pip check
COPY pipeline /app/pipeline
COPY transforms /app/transforms
RUN useradd --uid 10001 --create-home sync && install --directory --owner sync /data
USER sync
WORKDIR /data
ENTRYPOINT ["python", "-m"]
CMD ["pipeline.main", "--help"]

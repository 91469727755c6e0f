#!/bin/sh
# {{ name }}: a streaming job on Dataflow, from the flex template. See docs/dataflow.md.
exec gcloud dataflow flex-template run {{ slug }} --project={{ project }} --region={{ region }} \
  --template-file-gcs-location=gs://{{ bucket }}/templates/amplitude-to-iterable.json \
  --service-account-email={{ account }} \
  --staging-location=gs://{{ bucket }}/staging --temp-location=gs://{{ bucket }}/temp \
  --enable-streaming-engine --num-workers=1 --max-workers=3 --worker-machine-type=n2-standard-2 \
  --parameters=config=gs://{{ bucket }}/{{ slug }}.yaml,input_subscription={{ input_subscription }} \
  --parameters=dead_letter_topic={{ dead_letter_topic }},sdk_container_image={{ image }}

# The least rights of a job's account, with the variables of docs/dataflow.md. Running it again changes nothing.
set -eu
member=serviceAccount:$SERVICE_ACCOUNT
quiet=--no-user-output-enabled

gcloud projects add-iam-policy-binding "$PROJECT" --member="$member" --role=roles/dataflow.worker --condition=None $quiet
for role in roles/pubsub.subscriber roles/pubsub.viewer; do
  gcloud pubsub subscriptions add-iam-policy-binding "$SUBSCRIPTION" --member="$member" --role=$role $quiet
done
for role in roles/pubsub.publisher roles/pubsub.viewer; do
  gcloud pubsub topics add-iam-policy-binding "$DEAD_LETTER_TOPIC" --member="$member" --role=$role $quiet
done
gcloud secrets add-iam-policy-binding iterable-api-key --project="$PROJECT" --member="$member" \
  --role=roles/secretmanager.secretAccessor $quiet
gcloud storage buckets add-iam-policy-binding "gs://$BUCKET" --member="$member" --role=roles/storage.objectAdmin $quiet
gcloud artifacts repositories add-iam-policy-binding sync --project="$PROJECT" --location="$REGION" --member="$member" \
  --role=roles/artifactregistry.reader $quiet

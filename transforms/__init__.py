"""What happens to messages on their way from Pub/Sub to Iterable."""

"""For trying and testing: a simulated Iterable, Google's Pub/Sub emulator, generated traffic. No worker code imports it."""

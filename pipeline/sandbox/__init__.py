"""A simulated Iterable, the Pub/Sub emulator and generated traffic, to try and to test with. No worker imports it."""

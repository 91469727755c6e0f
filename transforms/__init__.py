# SPDX-License-Identifier: Apache-2.0
"""What happens to messages on their way from Pub/Sub to Iterable."""

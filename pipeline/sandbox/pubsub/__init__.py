# SPDX-License-Identifier: Apache-2.0
"""Pub/Sub to test against. Knows no Iterable.

emulator       Google's, started and stopped
topics         topics, subscriptions and messages at its host
exactly_once   an exactly-once subscription, which the emulator has none of
"""

# SPDX-License-Identifier: Apache-2.0
"""Iterable's API. Knows no queue and no Amplitude word.

operations        the endpoints as data, a row each
client            a request body in, the raw response out
responses         what a response means for the batch that was sent
api_key           where the key is read, and how long it is kept
secret_manager    Google's, one of the places where it may be
reserved_fields   the profile fields that Iterable keeps itself
"""

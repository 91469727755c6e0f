# SPDX-License-Identifier: Apache-2.0
"""The types that a project's fields have, as Iterable tells them. Knows no config."""

from http.client import OK

import orjson

from transforms.iterable.client import IterableClient, Response
from transforms.model.errors import FatalError

GET_FIELDS = "/api/users/getFields"


def field_types(client: IterableClient) -> dict[str, str]:
    """By the field's name; asking changes nothing. Raises FatalError if Iterable does not tell."""
    response = client.get(GET_FIELDS)
    if response.status != OK:
        why = f"HTTP {response.status}" if response.status > 0 else response.body.decode(errors="replace")
        raise FatalError(f"Iterable does not tell the types of its fields: {why}")
    return read_field_types(response)


def read_field_types(response: Response) -> dict[str, str]:
    """Of a 200. Raises FatalError if it is not Iterable's."""
    try:
        return {str(name): str(of) for name, of in orjson.loads(response.body)["fields"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FatalError("what answers for the types of fields is not Iterable") from error

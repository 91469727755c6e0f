# SPDX-License-Identifier: Apache-2.0
"""What a hand-written loop takes for the same work, without Beam: `python -m pipeline.sandbox.bench.floor FILE URL`.

Parse, id, time, identity checked, properties, bodies, requests of a thousand over a socket; "*" on both sides of a
hybrid project. No filter, no dead letter, no retry, no promise. Imports nothing of what it is held against.
"""

import calendar
import http.client
import re
import sys
import urllib.parse
import uuid

import orjson

_NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PATHS = {"users": "/api/users/bulkUpdate", "events": "/api/events/trackBulk"}
_BATCH = 1_000


class _Iterable:
    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        self._waiting: dict[str, list[bytes]] = {"users": [], "events": []}

    def send(self, array: str, item: bytes) -> None:
        self._waiting[array].append(item)
        if len(self._waiting[array]) == _BATCH:
            self.flush(array)

    def flush(self, array: str) -> None:
        items, self._waiting[array] = self._waiting[array], []
        if not items:
            return
        body = b'{"%b":[%b]}' % (array.encode(), b",".join(items))
        headers = {"Api-Key": "none", "Content-Type": "application/json"}
        self._connection.request("POST", _PATHS[array], body, headers)
        answer = orjson.loads(self._connection.getresponse().read())
        assert answer["successCount"] == len(items)  # noqa: S101


def main(file: str, url: str) -> None:
    iterable = _Iterable(url)
    with open(file, "rb") as lines:
        for line in lines:
            row = orjson.loads(line)
            identity = _identity(row)
            if row["event_type"] == "$identify":
                fields = row["user_properties"].get("$set", row["user_properties"])
                fields.pop("email", None)
                iterable.send("users", bytes(memoryview(orjson.dumps({**identity, "dataFields": fields}))))
            else:
                event = {
                    **identity,
                    "eventName": row["event_type"],
                    "id": str(uuid.uuid5(_NAMESPACE, f"{row['app']}:{row['device_id']}:{row['$insert_id']}")),
                    "createdAt": _seconds(row["event_time"]),
                    "dataFields": row["event_properties"],
                }
                iterable.send("events", bytes(memoryview(orjson.dumps(event))))
    for array in _PATHS:
        iterable.flush(array)


def _identity(row: dict[str, str]) -> dict[str, str]:
    user_id = row["user_id"]
    if user_id and user_id.strip() and len(user_id) < 256:
        return {"userId": user_id}
    email = row["user_properties"]["email"]  # type: ignore[index]
    if not _EMAIL.fullmatch(email):
        raise ValueError("no identity")
    return {"email": email.lower()}


def _seconds(text: str) -> int:
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
    return calendar.timegm((year, month, day, hour, minute, second))


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""Full names of Pub/Sub's topics and subscriptions: whether a text is one, and if not, by which rule. Knows no option.

The rules are Google's, https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names.
"""

import re
from typing import Literal

Kind = Literal["topics", "subscriptions"]

_SHORTEST, _LONGEST = 3, 255
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._~+%-]")
# What stands for a name in docs and examples, ours and others'; an id of Google's has no capitals.
_PLACEHOLDER = re.compile(r"…|\.+|<.*>|\{.*\}|\[.*\]|\$.*")
_PROJECT_PLACEHOLDER = re.compile(
    rf"|P|PROJECT|PROJECT[-_]?ID|(?i:your)[-_](?i:project)([-_](?i:id))?|{_PLACEHOLDER.pattern}"
)
_FULL = re.compile(r"projects/(?P<project>[^/]*)/(?P<kind>[^/]*)/(?P<name>[^/]*)")
_BEAM_PROJECT = re.compile(r"[a-z][a-z0-9:.-]{4,61}[a-z0-9]")  # the emulator takes any, Beam's reader only these


def is_subscription(text: str) -> bool:
    """Whether it is the full name of one, not that it is there."""
    return not broken_rule_of(text, "subscriptions")


def looks_like_a_resource(text: str) -> bool:
    """Whether it is meant as a topic or a subscription rather than as a file."""
    return bool(re.match(r"(https?:)?(//)?(pubsub\.googleapis\.com/)?(v1/)?projects/[^/]*/?", text))


def broken_rule_of(text: str, kind: Kind) -> str:
    """Why `text` is no full name of this kind, as what follows a semicolon; "" if it is one."""
    if text != text.strip():
        return "it begins or ends with a blank"
    match = _FULL.fullmatch(text)
    if not match:
        return f"it must be projects/PROJECT/{kind}/NAME{_of_another_form(text, kind)}"
    project, found, name = match.groups()
    if found != kind:
        return _of_another_kind(found, kind)
    return "; ".join(filter(None, (_of_project(project), _of_name(name))))


def beam_rule_of(text: str) -> str:
    """Why Beam's own reader does not take this full name; "" if it does."""
    project = text.split("/")[1]
    if _BEAM_PROJECT.fullmatch(project):
        return ""
    needed = "6 to 63 characters: lower-case letters, digits and hyphens, of which the first is a letter"
    return f"a streaming job needs a Google Cloud project's id, which {project!r} is not: it has {needed}"


def _of_another_form(text: str, kind: Kind) -> str:
    if "googleapis.com/" in text:
        return ": without the host in front"
    if text.startswith("/"):
        return ": without the / in front"
    if "/" not in text and not _of_name(text):
        return f", such as projects/my-project-1/{kind}/{text}"
    parts = text.count("/") + 1
    return f": that is 4 parts with / between them, and it has {parts}" if text.startswith("projects/") else ""


def _of_another_kind(found: str, kind: Kind) -> str:
    if {found, kind} == {"topics", "subscriptions"}:
        one, other = ("topic", "subscription") if found == "topics" else ("subscription", "topic")
        remedy = "name a subscription of that topic" if found == "topics" else "name a topic"
        return f"that is a {one}, and a {other} is needed: {remedy}"
    return f"its third part must be {kind!r}, and it is {found!r}"


def _of_project(project: str) -> str:
    if _PROJECT_PLACEHOLDER.fullmatch(project):
        return f"{project!r} stands for a project's id: put yours there (`gcloud projects list` shows it)"
    if re.search(r"\s", project):
        return f"its project {project!r} holds a blank"
    return ""


def _of_name(name: str) -> str:
    if _PLACEHOLDER.fullmatch(name):
        return f"{name!r} stands for a name: put yours there"
    if not _SHORTEST <= len(name) <= _LONGEST:
        count = f"{len(name)} character{'s' if len(name) != 1 else ''}"
        return f"its name {name!r} has {count}, and Pub/Sub's names have {_SHORTEST} to {_LONGEST}"
    if not re.match(r"[A-Za-z]", name):
        return f"its name {name!r} must begin with a letter"
    if name.lower().startswith("goog"):
        return f'its name {name!r} begins with "goog", which Pub/Sub keeps for itself'
    if wrong := _NOT_IN_A_NAME.search(name):
        return f"its name {name!r} holds {wrong[0]!r}: letters, digits and - . _ ~ + % are allowed"
    return ""

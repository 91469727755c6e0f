# SPDX-License-Identifier: Apache-2.0
import pytest

from pipeline.cli.resource_names import beam_rule_of, broken_rule_of, is_subscription, looks_like_a_resource

S = "projects/sandbox/subscriptions/"


@pytest.mark.parametrize(
    "name",
    [
        f"{S}events",
        f"{S}Abc",
        f"{S}a-b_c.d~e+f%g",
        f"{S}{'n' * 255}",
        "projects/p/subscriptions/events",
        "projects/example.com:project/subscriptions/events",
        "projects/123456789012/subscriptions/events",
        "projects/my-project/subscriptions/DEAD_LETTERS",
    ],
)
def test_a_full_name_is_taken(name: str) -> None:
    """Whatever the emulator or Pub/Sub takes."""
    assert is_subscription(name)
    assert not broken_rule_of(name.replace("/subscriptions/", "/topics/"), "topics")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "it must be projects/PROJECT/subscriptions/NAME"),
        ("S", "it must be projects/PROJECT/subscriptions/NAME"),
        (
            "events",
            "it must be projects/PROJECT/subscriptions/NAME, such as projects/my-project-1/subscriptions/events",
        ),
        (
            "projects/…",
            "it must be projects/PROJECT/subscriptions/NAME: that is 4 parts with / between them, and it has 2",
        ),
        (
            f"{S}events/",
            "it must be projects/PROJECT/subscriptions/NAME: that is 4 parts with / between them, and it has 5",
        ),
        (
            f"//pubsub.googleapis.com/{S}events",
            "it must be projects/PROJECT/subscriptions/NAME: without the host in front",
        ),
        (f"/{S}events", "it must be projects/PROJECT/subscriptions/NAME: without the / in front"),
        (f"{S}events ", "it begins or ends with a blank"),
        (
            "projects/sandbox/topics/events",
            "that is a topic, and a subscription is needed: name a subscription of that topic",
        ),
        ("projects/sandbox/subscription/events", "its third part must be 'subscriptions', and it is 'subscription'"),
        (
            "projects/P/subscriptions/S",
            (
                "'P' stands for a project's id: put yours there (`gcloud projects list` shows it); "
                "its name 'S' has 1 character, and Pub/Sub's names have 3 to 255"
            ),
        ),
        *(
            (
                f"projects/{project}/subscriptions/events",
                f"'{project}' stands for a project's id: put yours there (`gcloud projects list` shows it)",
            )
            for project in ("", "PROJECT", "PROJECT_ID", "your-project-id", "…", "...", "<project>", "$PROJECT", "{p}")
        ),
        ("projects/a b/subscriptions/events", "its project 'a b' holds a blank"),
        *((f"{S}{name}", f"'{name}' stands for a name: put yours there") for name in ("…", "...", "<name>", "$NAME")),
        (S, "its name '' has 0 characters, and Pub/Sub's names have 3 to 255"),
        (f"{S}ab", "its name 'ab' has 2 characters, and Pub/Sub's names have 3 to 255"),
        (f"{S}{'n' * 256}", f"its name '{'n' * 256}' has 256 characters, and Pub/Sub's names have 3 to 255"),
        (f"{S}1st-events", "its name '1st-events' must begin with a letter"),
        (f"{S}google-events", "its name 'google-events' begins with \"goog\", which Pub/Sub keeps for itself"),
        (f"{S}my events", "its name 'my events' holds ' ': letters, digits and - . _ ~ + % are allowed"),
        (f"{S}zürich", "its name 'zürich' holds 'ü': letters, digits and - . _ ~ + % are allowed"),
    ],
)
def test_what_is_none_says_by_which_rule(name: str, rule: str) -> None:
    """Not the pattern alone, which the text may look like."""
    assert rule == broken_rule_of(name, "subscriptions")
    assert not is_subscription(name)


def test_a_subscription_is_no_topic() -> None:
    """And the other way round."""
    told = broken_rule_of(f"{S}events", "topics")

    assert told == "that is a subscription, and a topic is needed: name a topic"


@pytest.mark.parametrize(
    ("project", "is_taken"),
    [("sandbox", True), ("a12345", True), ("p", False), ("Sandbox", False), ("1sandbox", False), ("sandbox-", False)],
)
def test_beam_takes_some_projects_only(project: str, is_taken: bool) -> None:
    """Its reader of Pub/Sub checks them, the emulator does not."""
    rule = beam_rule_of(f"projects/{project}/subscriptions/events")

    assert is_taken == (not rule)
    assert is_taken or rule.startswith(f"a streaming job needs a Google Cloud project's id, which {project!r} is not: ")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (f"{S}s", True),
        ("projects/…", True),
        ("//pubsub.googleapis.com/projects/p/topics/t", True),
        ("dead.jsonl", False),
        ("gs://projects/p/dead.jsonl", False),
        ("/data/projects/p/dead.jsonl", False),
    ],
)
def test_a_file_is_told_from_a_resource(text: str, meant: bool) -> None:
    """Which of its two meanings a wrong value most likely has."""
    assert meant == looks_like_a_resource(text)

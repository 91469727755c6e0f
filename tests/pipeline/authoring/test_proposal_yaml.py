# SPDX-License-Identifier: Apache-2.0
"""The file is bounded, whatever a profile holds."""

from pipeline.authoring.names import MAX_CHARACTERS
from pipeline.authoring.proposal import propose
from pipeline.authoring.proposal_yaml import MAX_COMMENTS, Unseen, as_yaml
from pipeline.preview.profile import EventProfile, Profile, PropertyProfile


def test_the_longest_names_and_the_most_of_them_make_a_file_that_can_be_read() -> None:
    """The loader reads 500,000 bytes; each character here takes ten."""
    names = [f"{number}.".ljust(MAX_CHARACTERS, "\U000e0001") for number in range(500)]
    properties = {name: PropertyProfile(present=1) for name in names}
    profile = Profile(events={name: EventProfile(1, with_user_id=1, properties=properties) for name in names})
    profile.scopes["user_properties"] = properties

    text = as_yaml(propose(profile, "hybrid"), Unseen("Shop", "us", "env:KEY"), "500 rows", "")

    assert 300_000 < len(text.encode()) < 500_000
    assert f"    # and {500 - 5 - MAX_COMMENTS} more, which a2i profile --all shows\n" in text

# SPDX-License-Identifier: Apache-2.0
from tests.pictures import PICTURE, draw, preview_screen


def test_the_picture_is_what_the_command_prints() -> None:
    """Drawn anew by `make pictures`."""
    assert draw(preview_screen()) == PICTURE.read_text(encoding="utf-8")

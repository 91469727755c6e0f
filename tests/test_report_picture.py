# SPDX-License-Identifier: Apache-2.0
from xml.etree import ElementTree

from pipeline.reports.report_html import to_html
from tests.report_picture import PICTURE, a_day, draw


def test_the_picture_of_the_report_is_what_the_command_writes() -> None:
    """Drawn anew by: python -m tests.report_picture."""
    picture = draw(to_html(a_day()))

    assert picture == PICTURE.read_text(encoding="utf-8")
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"

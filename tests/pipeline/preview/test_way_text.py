"""Whatever a row holds, it can be shown: the examples of the mapping's meaning, each looked at in every view."""

import json
from pathlib import Path

import orjson
import pytest

from pipeline.config.loader import load_config
from pipeline.preview import diff_text, profile_text, table, way_text
from pipeline.preview.diff import Diff
from pipeline.preview.findings import findings
from pipeline.preview.layout import WIDTH
from pipeline.preview.profile import Profile
from pipeline.preview.survey import Survey
from pipeline.preview.way import way_of
from tests.golden import message_of

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests/data/golden").glob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_every_example_can_be_shown(file: Path, tmp_path: Path) -> None:
    """Its bodies are those that the example says; a table of it keeps to 80 columns."""
    golden = json.loads(file.read_text(encoding="utf-8"))
    path = ROOT / "configs" / golden["config"] if isinstance(golden["config"], str) else tmp_path / "sync.yaml"
    if isinstance(golden["config"], list):
        path.write_text("\n".join(golden["config"]), encoding="utf-8")
    loaded = load_config(str(path))
    survey, diff, profile = Survey(loaded), Diff(loaded, loaded), Profile()
    expected = [item for request in golden["requests"] for items in request["body"].values() for item in listed(items)]

    shown = []
    for number, data in enumerate(golden["messages"]):
        message = message_of(data, number)
        for each in (survey, diff, profile):
            each.add(message)
        way = way_of(message, loaded)
        orjson.dumps(way_text.as_json(way))
        assert way_text.describe(way).startswith(str(number))
        bodies = [orjson.loads(part.request.body) for part in way.parts if part.request]
        shown += [item for body in bodies for items in body.values() for item in listed(items)]

    assert sorted(map(orjson.dumps, shown)) == sorted(map(orjson.dumps, expected))
    for text in (table.describe(survey, findings(survey), True), profile_text.describe(profile, True, values=True)):
        assert max(map(len, text.splitlines())) <= WIDTH
    assert not diff.is_worse
    assert "another body" not in diff_text.describe(diff)


def listed(items: object) -> list[object]:
    """The array of a body; its flags are none."""
    return items if isinstance(items, list) else []

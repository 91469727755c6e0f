# SPDX-License-Identifier: Apache-2.0
"""The page: what is in it is what the JSON says, it needs nothing else, and names that others gave harm nothing."""

import re
from collections import defaultdict
from html.parser import HTMLParser
from typing import Any

import pytest

from pipeline.records.activity import Outage
from pipeline.records.counts import Counts
from pipeline.records.lines import End, Record, Slice
from pipeline.records.report import HOUR, Bucket, Report, Window, make_report
from pipeline.reports.report_html import SHOWN, to_html
from pipeline.reports.report_json import to_json
from pipeline.reports.report_text import describe
from transforms.model.items import Message
from transforms.model.outcomes import DEAD_LETTERED, DELIVERED, DROPPED, NOTED, SPLIT, Outcome

MIDNIGHT = 1_767_744_000.0  # 2026-01-07
START = {
    "run": "20260107-000000-aaaa",
    "sync": "Shop",
    "kind": "drain",
    "config": "shop.yaml",
    "config_lines": {"rows": [["Order Completed", "purchase", 16]], "mappings": 30, "send_events.events": 12},
    "dead_letters": "file:dead.jsonl",
}
VOID = {"meta", "path", "wbr"}  # elements without an end, of those that the page has
HARMLESS = {"lang", "charset", "name", "content", "http-equiv", "id", "class", "role", "tabindex", "scope"}
SHAPES = {"width", "height", "viewbox", "preserveaspectratio", "d", "x", "y", "text-anchor"}


class Page(HTMLParser):
    """What a browser makes of it: tables, text, elements; `broken` is what is not closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.elements: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.broken: list[str] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self._caption = ""
        self.feed(text)
        self.close()
        self.broken += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag].append(dict(attrs))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr" and self._caption:
            self.tables[self._caption].append([])
        elif tag in ("th", "td"):
            self.tables[self._caption][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag].append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        if "caption" in self._open:
            self._caption = data
            self.tables[data] = []
        elif {"th", "td"} & set(self._open):
            self.tables[self._caption][-1][-1] += data
        self.text.append(data)


def report_of(*outcomes: Outcome, hours: int = 2) -> Report:
    """A day in whose first hours the same was settled."""
    counts = Counts(read=len(outcomes) - sum(one.kind in (SPLIT, NOTED) for one in outcomes))
    counts.add(outcomes)
    asked = Counts()
    asked.requests.update({("track_bulk", 200): 40, ("track_bulk", 503): 2, ("bulk_update", 0): 1})
    asked.request_seconds["track_bulk"].add(0.2)
    asked.fullness["track_bulk"] = 21_000
    slices = [Slice(MIDNIGHT + number * HOUR + 60, counts) for number in range(hours)]
    record = Record({**START, "at": MIDNIGHT}, slices, [Slice(MIDNIGHT + 60, asked)])
    record.outages = [Outage(MIDNIGHT + 600, MIDNIGHT + 900, 503)]
    record.end = End(MIDNIGHT + hours * HOUR, "done", 0, 0)
    return make_report([record], Window(MIDNIGHT, MIDNIGHT + 24 * HOUR, "Wed 07 Jan 2026"))


def outcomes_of(*names: str) -> list[Outcome]:
    """Of each event something was delivered, dropped and dead-lettered."""
    message = Message(b"{}", {}, "1", publish_time=MIDNIGHT)
    return [
        outcome
        for name in names
        for outcome in (
            Outcome(DELIVERED, "track", "", message, attempts=1, time=MIDNIGHT + 2, event=name),
            Outcome(DROPPED, "track", "no_identity", message, event=name),
            Outcome(DEAD_LETTERED, "track", "field_type_mismatch", message, "total", 1, event=name),
            Outcome(NOTED, "track", "created_field", message, name, event=name),
        )
    ]


def test_its_figures_are_those_of_the_json() -> None:
    """Each table against the list of the same name."""
    report = report_of(*outcomes_of("Order Completed", "Song Played"), *outcomes_of("Song Played"))
    page, json = Page(to_html(report)), to_json(report)

    assert (
        page.tables["Items by the event of Amplitude that they were made of"][1:]
        == [
            ["Song Played", "4", "4", "4"],
            ["Order Completed sent as purchase", "2", "2", "2"],
        ]
        == [
            [name, *(str(row[kind]) for kind in ("delivered", "dropped", "dead"))]
            for row in json["events"]
            for name in [f"{row['event']} sent as {row['sent_as']}" if row["sent_as"] else row["event"]]
        ]
    )
    assert page.tables["By event and rule; lines are of the config shop.yaml"][1:] == [
        [row["event"], row["reason"], ", ".join(map(str, row["lines"])), str(row["items"])] for row in json["drops"]
    ]
    assert page.tables["By event and reason"][1:] == [
        [row["event"], row["reason"], str(row["items"])] for row in json["dead_letters"]
    ]
    assert page.tables["To Iterable, by operation and answer"][1:] == [
        ["bulk_update 0% full, p95 –", "1", "no answer: 1"],
        ["track_bulk 50% full, p95 0.21 s", "42", "taken (200): 40 · HTTP 503: 2"],
    ]
    figures = page.tables["What was settled an hour, requests and latency. Steps without any are left out."][1:]
    assert [[int(cell) for cell in row[1:6]] for row in figures] == [
        [row[name] for name in ("delivered", "dropped", "dead", "requests", "failed_requests")]
        for row in json["buckets"][:2]
    ]
    text = "".join(page.text)
    assert "The sum: 18 messages read = 18 items = 6 delivered + 6 dropped + 6 dead-lettered + 0 not settled." in text
    assert all(command in text for command in json["commands"])
    assert "Outage: 2026-01-07 00:10 to 00:15 UTC, HTTP 503." in text


@pytest.mark.parametrize(
    ("reasons", "note", "replays"),
    [
        (["expired", "unknown_user"], "all can be replayed", [""]),
        (["not_json", "expired", "unknown_user"], "2 can be replayed", [" --reason expired", " --reason unknown_user"]),
        (["not_json", "forgotten_user"], "none can be replayed", []),
        (["reason_of_tomorrow"], "all can be replayed", [""]),
    ],
)
def test_what_no_replay_can_deliver_is_told_apart(reasons: list[str], note: str, replays: list[str]) -> None:
    """On the screen, in the page and in the JSON; the command is given for what can be replayed, and for that alone."""
    message = Message(b"{}", {}, "1", publish_time=MIDNIGHT)
    report = report_of(*(Outcome(DEAD_LETTERED, "track", reason, message) for reason in reasons), hours=1)
    screen, page, json = describe(report), "".join(Page(to_html(report)).text), to_json(report)

    assert f"0.00% was delivered. Dead letters: {len(reasons)} ({note}).\n" in screen
    assert f"\nDead letters ({note})\n" in screen
    assert page.count(note) == 2  # in the verdict, and under the figure
    assert ("To look at them, and to replay what can be:" in page) == bool(replays)
    assert json["replayable"] == sum(row["items"] for row in json["dead_letters"] if row["is_replayable"])
    replay = "a2i replay --config shop.yaml --dead-letters dead.jsonl{} --dead-letter-file dead.jsonl.again"
    assert json["commands"] == ["a2i dead dead.jsonl", *(replay.format(reason) for reason in replays)]
    assert [line.strip() for line in screen.splitlines() if "$" in line] == [f"$ {one}" for one in json["commands"]]


def test_it_is_one_small_file_that_needs_nothing_else() -> None:
    """Whatever the names are, in number and length: no script, no link, no address, under 60 KB."""
    names = [f"{number} " + '<"&' * 60 for number in range(500)]
    report = report_of(*outcomes_of(*names))
    report.buckets = [Bucket(MIDNIGHT + at * 977, 10**9, 10**8 + at, 10**7, 10**6, 10**5, 30, 950) for at in range(200)]
    report.runs, report.outages = report.runs * 300, report.outages * 200
    text = to_html(report)
    page = Page(text)
    attributes = {name for elements in page.elements.values() for one in elements for name in one}

    assert len(text.encode()) < 60_000
    assert len(page.tables["By event and reason"]) == 1 + SHOWN
    assert attributes - HARMLESS - SHAPES == {"aria-labelledby", "aria-label"}
    assert not page.elements.keys() & {"script", "link", "img", "iframe", "object", "a", "base", "form"}
    assert re.search(r"url\(|@import|@font-face|src:", text) is None
    assert "default-src 'none'; style-src 'unsafe-inline'" in [one.get("content") for one in page.elements["meta"]]


def test_a_name_that_is_markup_is_told_as_it_is() -> None:
    """In tables, pictures, lists and the title, elements stay those of the template."""
    name = "<script>alert(1)</script>'\" onload=x"
    report = report_of(*outcomes_of(name))
    report.runs = [run._replace(sync="<b>Shop</b>") for run in report.runs]
    page = Page(to_html(report))

    assert page.tables["By event and reason"][1][0] == name
    assert not page.elements.keys() & {"script", "b"}
    assert page.text.count("<b>Shop</b>") == 1
    assert page.broken == []


def test_it_is_well_formed_and_tables_say_what_they_are() -> None:
    """Elements end in turn, ids are of one element each, headings of tables say of what they are."""
    page = Page(to_html(report_of(*outcomes_of("Order Completed", ""))))
    every = [attributes for elements in page.elements.values() for attributes in elements]
    ids = [attributes["id"] for attributes in every if "id" in attributes]
    pictures = [attributes for attributes in page.elements["svg"] if attributes.get("role") == "img"]

    assert page.broken == []
    assert len(ids) == len(set(ids)) == 6
    assert sorted(name for one in pictures for name in one["aria-labelledby"].split()) == sorted(ids)
    assert len(page.elements["caption"]) == len(page.elements["table"]) == len(page.tables) == 6
    assert {attributes.get("scope") for attributes in page.elements["th"]} == {"col", "row"}


def test_colours_can_be_told_apart() -> None:
    """WCAG AA, in light and dark: text 4.5 to 1, shapes 3 to 1; a browser's tool cannot judge what is in SVG."""
    schemes = re.findall(r":root \{(.+?)\}", to_html(report_of()), re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w+);", scheme))
        assert len(colours) == 10
        for ground in (colours["paper"], colours["card"]):
            assert min(contrast(colours[name], ground) for name in ("ink", "quiet")) >= 4.5
            assert min(contrast(colours[n], ground) for n in ("delivered", "dropped", "dead", "waiting", "p50")) >= 3


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_nothing_is_recorded() -> None:
    """One sentence, and no empty table."""
    page = Page(to_html(make_report([], Window(MIDNIGHT, MIDNIGHT + HOUR, "Wed 07 Jan 2026"))))

    assert "No run is recorded for that time." in page.text
    assert page.tables == {}
    assert page.broken == []

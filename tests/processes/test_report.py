"""What a run leaves behind: the table, the picture and the page, from made-up results."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from rich.console import Console

from clients.lab.page import command
from clients.lab.plot import MARKERS, thinned, timeline_png
from clients.lab.reproduction.report import COMMAND, write_report
from clients.lab.reproduction.table import figure, results_table
from clients.lab.timeline import Step, Timeline

HOSTILE = '<script>alert("x")</script> & [bold]'
PNG_BEGIN = b"\x89PNG\r\n\x1a\n"


def result(ok=True, expected="no spurious refusal", **figures):
    counts = {"logons": 1200, "refused": 0, "spurious": 0, "undecided": 0}
    counts |= {"slots_after_logoff": 0, "round_trips_saved": -14}
    return counts | {"ghost_slot_seconds": 0.0, "ok": ok, "expected": expected} | figures


RESULTS = {
    "sp5": result(
        expected="at least one spurious refusal",
        refused=400,
        spurious=380,
        ghost_slot_seconds=12843.26,
        round_trips_saved=10231,
    ),
    "sp6": result(),
    "macos-30": result(ok=False, expected=HOSTILE, refused=2),
}


def facts(connections=12):
    """Connections that begin a second apart, live for two seconds and are orphans for ten."""
    moves = [("live", 0), ("dormant_only", 1), ("orphan", 2), ("closing", 12), ("released", 13)]
    rows = [
        {"number": 0, "at_ns": round((begin + after) * 1e9), "kind": "connection_state"}
        | {"connection": begin, "state": state}
        for begin in range(connections)
        for state, after in moves
    ]
    return sorted(rows, key=lambda row: row["at_ns"])


def receipt(user="zoe", holders=1):
    holder = {
        "tree": 1,
        "session": 1,
        "user": user,
        "redirector": "ts1",
        "since_s": 12.0,
        "state": "orphan",
        "ghost": True,
        "open_files": 0,
        "dormant_files": 3,
        "oldest_dormant_s": 4.0,
        "release_in_s": 26.0,
        "release_by": "dormant_age_max_s",
    }
    return {
        "number": 1,
        "share": "docs",
        "user": user,
        "at_ns": 10**18,
        "uses": holders,
        "uses_max": holders,
        "holders": [holder] * holders,
        "live": 0,
        "ghosts": holders,
        "unknown": 0,
        "verdict": "spurious",
        "earliest_release_s": 26.0,
        "sp6_would_admit": True,
        "recall_would_admit": True,
        "complete": True,
    }


def printed(results, width=80):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(results_table(results))
    return capture.get()


def test_the_table_fits_eighty_columns_with_every_figure():
    text = printed({"": RESULTS})

    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"sp5 +1,200 +400 +380 +0 +0 +12,843 +10,231 +pass", text)
    assert re.search(r"macos-30 +1,200 +2 +0 +0 +0 +0\.0 +-14 +FAIL", text)
    assert "pass sp5, expected: at least one spurious refusal" in text
    assert f"FAIL macos-30, expected: {HOSTILE}" in text


def test_the_table_fits_as_well_with_the_hosts_in_it():
    text = printed({"arm64-system": RESULTS, "alpha": {**RESULTS, "sp6": result(ok=False)}})

    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert ["arm64-system", "alpha"] == re.findall(r"^(a\S+) *$", text, re.MULTILINE)
    assert 2 == len(re.findall(r"^  sp5 +1,200 +400 +380 .* pass", text, re.MULTILINE))
    assert 1 == text.count("FAIL sp6, expected: ")
    assert 1 == text.count("pass sp5, expected: ")


@pytest.mark.parametrize(
    ("value", "expected"), [(1234567, "1,234,567"), (0.04, "0.0"), (99.96, "100.0"), (-3, "-3")]
)
def test_figures(value, expected):
    assert expected == figure(value)


def test_the_picture_is_a_png_with_room_for_each_panel(tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs the package matplotlib")
    timelines = {"sp5": Timeline(facts(), 0), "sp6": Timeline([], 0)}
    refusals = {"sp5": [(9.5, verdict) for verdict in MARKERS]}

    sizes = []
    for number in (1, 2):
        path = tmp_path / f"{number}.png"
        shown = dict(list(timelines.items())[:number])
        timeline_png(path, shown, refusals, uses_max=10, time_scale=0.02)
        data = path.read_bytes()
        assert data.startswith(PNG_BEGIN)
        sizes.append((int.from_bytes(data[16:20]), int.from_bytes(data[20:24])))

    assert sizes[0][0] == sizes[1][0] == 1200
    assert sizes[0][1] < sizes[1][1]


def test_importing_the_picture_does_not_import_matplotlib():
    code = (
        "import sys, clients.lab.plot, clients.lab.reproduction.report as _;"
        "print('matplotlib' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )

    assert ran.stdout == "False\n", ran.stderr


def test_a_long_run_is_thinned_without_losing_its_peak_or_its_end():
    steps = [Step(float(at), live=at % 7) for at in range(10_000)]
    steps[4321] = Step(4321.0, live=99)

    kept = thinned(steps, steps_max=100)

    assert len(kept) <= 200
    assert steps[4321] in kept
    assert steps[-1] == kept[-1]
    assert sorted(kept, key=lambda step: step.at_s) == kept
    assert steps[:50] == thinned(steps[:50], steps_max=100)


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def page(tmp_path):
    picture = tmp_path / "timeline.png"
    picture.write_bytes(PNG_BEGIN + bytes(range(256)))
    path = tmp_path / "report.html"
    write_report(
        path,
        title=f"Run {HOSTILE}",
        options={"preset": ["sp5", "sp6"], "limit": 10, "time_scale": 0.02, "out": HOSTILE},
        results={"": RESULTS},
        receipts={"": {"sp5": receipt(HOSTILE, holders=20), "sp6": None}},
        pictures={"": picture},
        started="2026-11-22 19:35:02 UTC",
        duration_s=41.3,
        machine=f"Linux {HOSTILE}",
    )
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_itself(page):
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    sources = [value for name, value in page.attributes if name in ("src", "href")]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/png;base64,iVBORw0KGgo")


def test_the_page_escapes_what_came_from_the_run(page):
    for place in ("Run ", "Linux ", "FAIL: "):
        assert place + HOSTILE in page.text
    assert f"is {HOSTILE}'s, free in 26.0 s" in " ".join(page.text.split())


def test_the_page_tells_the_story(page):
    assert "Q248371" in page.text
    assert "Not as expected: macos-30." in page.text
    assert "sp5: 400 of 1,200 logons were refused, 380 of them spuriously." in page.text
    assert "sp6: none of 1,200 logons was refused." in page.text
    assert "Nobody was refused." in page.text
    assert "and 8 more" in page.text
    assert "multiplied by 0.02" in page.text


def test_the_page_has_a_part_for_each_host(tmp_path):
    pictures = {host: tmp_path / f"{host}.png" for host in ("alpha", "native")}
    for path in pictures.values():
        path.write_bytes(PNG_BEGIN)
    path = tmp_path / "report.html"
    write_report(
        path,
        title="Run",
        options={"host": ["alpha", "native"]},
        results={host: {"sp5": RESULTS["sp5"], "sp6": RESULTS["sp6"]} for host in pictures},
        receipts={host: {"sp5": receipt(), "sp6": None} for host in pictures},
        pictures=pictures,
        started="now",
        duration_s=1,
        machine="here",
    )
    page = Page(path.read_text(encoding="utf-8"))

    assert 2 == page.tags.count("img")
    assert "Every preset did as expected on every host." in page.text
    assert "sp6 on alpha: none of 1,200 logons was refused." in page.text
    assert "sp5 on native\nRefusal" in page.text
    assert "Nobody was refused." not in page.text
    assert "redlab reproduce --host alpha --host native" in page.text


def test_the_page_can_do_without_a_picture(tmp_path):
    path = tmp_path / "report.html"
    write_report(
        path,
        title="Run",
        options={},
        results={"": {"sp6": RESULTS["sp6"]}},
        receipts={},
        pictures={},
        started="now",
        duration_s=1,
        machine="here",
    )

    page = Page(path.read_text(encoding="utf-8"))

    assert "img" not in page.tags
    assert "Every preset did as expected." in page.text


def test_the_command_repeats_the_options():
    options = {"preset": ["sp5", "sp6"], "dormant_s": 30.0, "out": "my runs"}
    options |= {"json": False, "keep": True, "users": None}

    assert command(COMMAND.split(), options) == (
        "uv run redlab reproduce --preset sp5 --preset sp6 --dormant-s 30.0 "
        "--out 'my runs' --keep"
    )

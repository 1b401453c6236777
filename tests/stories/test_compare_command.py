"""`redlab compare` as it is called: what it prints and writes, and how it says no."""

import json

import pytest
from click.testing import CliRunner

from clients.lab import ending
from clients.lab.__main__ import main
from clients.lab.compare import side
from clients.lab.compare.virtual import play
from clients.swarm import trace as traces

SMALL = ("--users", "3", "--limit", "3", "--duration-s", "20", "--processes", "1")


def compare(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One comparison, and the folder it wrote."""
    out = tmp_path_factory.mktemp("out")
    flags = ("--out", out, "--events", out / "events", "--save-trace", out / "trace.jsonl")
    return compare(*SMALL, *flags, "--json"), out


def test_one_object_on_standard_output(done):
    result, _ = done
    found = json.loads(result.stdout)

    assert 0 == result.exit_code
    assert ["sp5", "sp6", "recall"] == list(found["presets"])
    assert found["presets"]["sp5"]["spurious"] > 0
    assert 0 == found["presets"]["sp6"]["refused"]
    assert "refused" == found["first_divergence"]["fates"]["sp5"]
    assert [["sp6", "recall"]] == found["never_parted"]


def test_the_folder_holds_results_a_picture_and_events(done):
    result, out = done
    written = json.loads((out / "results.json").read_text())

    assert json.loads(result.stdout)["presets"] == written["presets"]
    assert (out / "timeline.png").read_bytes().startswith(b"\x89PNG")
    assert {"sp5.jsonl", "sp6.jsonl", "recall.jsonl"} == {
        one.name for one in (out / "events").iterdir()
    }


def test_a_saved_trace_gives_the_same_comparison_again(done, tmp_path):
    result, out = done
    again = compare(out / "trace.jsonl", "--limit", 3, "--out", tmp_path, "--json")

    def figures(text):
        rows = json.loads(text)["presets"].values()
        return [{key: row[key] for key in row if key != "spent_s"} for row in rows]

    assert figures(result.stdout) == figures(again.stdout)


def test_people_see_a_table_of_80_columns_and_the_story(tmp_path):
    result = compare(*SMALL, "--out", tmp_path, "--preset", "sp5", "--preset", "sp6")
    lines = result.stdout.splitlines()

    assert 80 >= max(map(len, lines))
    assert any(line.startswith("The first divergence: the ") for line in lines)
    assert any("ghost" in line for line in lines)


def test_one_preset_parts_from_nobody(tmp_path):
    result = compare(*SMALL, "--out", tmp_path, "--preset", "sp6")

    assert 0 == result.exit_code
    assert "divergence" not in result.stdout


def test_a_workload_file_and_flags_over_it(tmp_path):
    workload = tmp_path / "w.toml"
    workload.write_text("rate_per_s = 1.0\nduration_s = 10.0\nvisits = 1.0\nlength_s = 2.0\n")
    result = compare(workload, "--rate", "2", "--out", tmp_path, "--preset", "sp6", "--json")

    assert 10 < json.loads(result.stdout)["presets"]["sp6"]["logons"] < 40


HEADER = '{"format": "redird-trace", "version": 1, "closed": true}\n'
BAD = {
    "no.jsonl": (None, "no.jsonl cannot be read: No such file or directory"),
    "not.jsonl": ("hello\n", "line 1"),
    "none.jsonl": (HEADER, "there is no session in it"),
    "bad.jsonl": (HEADER + '{"user": 0, "at_s": -1, "length_s": 1, "visits": []}\n', "at_s"),
    "bad.toml": ("rate_per_s = \n", "bad.toml: "),
    "again.toml": ('rate_per_s = 1.0\nretries = "pause:1"\n', "retries"),
    "strange.toml": ("rat = 1\n", "rat"),
    "zero.toml": ("rate_per_s = 0.0\n", "rate_per_s"),
    "empty.toml": ("users = 1\nthink_s = 1e9\n", "there is no session in it"),
    "huge.toml": ("rate_per_s = 1e6\nduration_s = 1e6\nsessions_max = 9000000\n", "more than"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_source_is_one_line(tmp_path, monkeypatch, name):
    monkeypatch.setattr("clients.lab.compare.source.OPERATIONS_MAX", 10_000)
    content, said = BAD[name]
    if content is not None:
        (tmp_path / name).write_text(content)
    result = compare(tmp_path / name, "--out", tmp_path / "out")

    assert (1, 1) == (result.exit_code, len(result.stderr.splitlines()))
    assert result.stderr.startswith("redlab: ")
    assert said in result.stderr


def test_flags_do_not_change_a_recorded_trace(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("".join(traces.write(traces.Trace(True, ()))))
    result = compare(path, "--users", 3)

    assert 1 == result.exit_code
    assert "is a trace" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--preset", "sp7"), "sp7"),
        (("--rate", "1", "--users", "2"), "open workload"),
        (("--time-scale", "0.1"), "--real"),
        (("--real", "--delay-s", "0.1"), "--delay-s"),
        (("--limit", "0"), "--limit"),
        (("--out", "/proc/nowhere"), "/proc/nowhere"),
        (("--events", "/proc/nowhere"), "/proc/nowhere"),
        (("--save-trace", "/proc/nowhere/t"), "/proc/nowhere"),
    ],
)
def test_bad_flags_are_refused_in_words(tmp_path, arguments, said):
    out = () if "--out" in arguments else ("--out", tmp_path)
    result = compare(*SMALL[2:], *arguments, *out)

    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_what_a_dead_worker_left_is_shown_and_marked_partial(tmp_path, monkeypatch):
    async def all_but_sp6(trace, settings, seed, events, on, processes, dask):
        return [
            None if setting.preset == "sp6" else play(trace, setting, seed=seed)
            for setting in settings
        ]

    def run(story, *arguments):
        """Without a loop, for the pieces run one of their own."""
        with pytest.raises(StopIteration) as done:
            story(*arguments).send(None)
        return done.value.value

    monkeypatch.setattr(side, "at_once", all_but_sp6)
    monkeypatch.setattr(ending, "run", run)
    result = compare(*SMALL[:-1], "2", "--out", tmp_path, "--json")
    found = json.loads(result.stdout)

    assert (True, ["sp6"], ["sp5", "recall"]) == (
        found["partial"],
        found["lost"],
        list(found["presets"]),
    )
    assert 1 == result.exit_code
    assert result.stderr.splitlines()[-1].startswith("redlab: partial: ")
    assert json.loads((tmp_path / "results.json").read_text())["partial"]


@pytest.mark.parametrize("value", ["inf", "nan", "1e300"])
@pytest.mark.parametrize(
    "flag", ["--dormant-s", "--hold-s", "--think-s", "--length-s", "--duration-s", "--visits"]
)
def test_times_beyond_all_bounds_end_in_one_line_or_well(tmp_path, flag, value):
    flags = ("--users", "2", "--preset", "sp6", "--out", tmp_path)
    result = compare("--duration-s", "10", *flags, flag, value)

    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_users_who_never_think_are_bounded_by_their_time(tmp_path):
    flags = ("--think-s", "0", "--users", "2", "--duration-s", "30", "--preset", "sp6")
    result = compare(*flags, "--out", tmp_path, "--json")

    assert 4 <= json.loads(result.stdout)["presets"]["sp6"]["logons"] <= 60

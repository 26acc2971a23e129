"""What a map is expected to cost: the laws of the stages, the pace of a machine, memory, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numba
import pytest

from vecindex import shortages
from vecindex.core.memory import most_held_bytes
from vecindex.maps.methods import settings_for
from vecindex.messages import Message
from vecindex.types import Forecast, Silent
from vecindex.verbs.project import forecast
from vecindex.verbs.project.forecast import ANCHORING, KINDS, LOOPS, PRODUCTS, TURNS, Cost, Pace, Work, costs, expect


class Kept(Silent):
    """An observer that keeps what is forecast and said."""

    def __init__(self) -> None:
        self.forecasts: list[Forecast] = []
        self.notices: list[str] = []

    def forecast(self, forecast: Forecast) -> None:
        self.forecasts.append(forecast)

    def notice(self, message: Message) -> None:
        self.notices.append(str(message))


LAID_OUT = Work(
    rows=100_000,
    articles=100_000,
    dimension=384,
    searched=100_000,
    made=True,
    method="local",
    settings=settings_for("local", {}),
    rebuilt=False,
    sample=5_000,
)
ANCHORED = replace(LAID_OUT, searched=0, made=False, method=ANCHORING, settings={"sweeps": 6}, questions=300, maps=8)


def seconds(work: Work, stage: str) -> float:
    return sum(one.seconds for one in costs(work) or [] if one.stage == stage)


def test_a_cost_is_divided_among_threads_as_far_as_it_can_be_and_slower_on_a_slower_machine() -> None:
    pace = Pace({PRODUCTS: 2.0, LOOPS: 1.0, TURNS: 1.0}, {PRODUCTS: 4, LOOPS: 2, TURNS: 1})
    assert pace.seconds(Cost("graph", PRODUCTS, 8.0, 0.5)) == pytest.approx(2.0 * (4.0 + 1.0))
    assert pace.seconds(Cost("layout", LOOPS, 8.0, 1.0)) == pytest.approx(4.0)
    assert pace.seconds(Cost("layout", TURNS, 8.0)) == pytest.approx(8.0)


def test_each_stage_grows_with_what_it_does() -> None:
    twice = replace(LAID_OUT, dimension=768)
    # Half a second in a hundred is there for any dimension.
    assert seconds(twice, "reading") == pytest.approx(2 * seconds(LAID_OUT, "reading"), rel=0.1)
    more = replace(LAID_OUT, rows=400_000, articles=400_000, searched=400_000)
    for stage, least, most in (("graph", 5.0, 9.0), ("layout", 4.0, 6.5), ("scores", 3.9, 4.1)):
        assert least * seconds(LAID_OUT, stage) < seconds(more, stage) < most * seconds(LAID_OUT, stage)
    assert seconds(replace(LAID_OUT, sample=50_000), "scores") > 5 * seconds(LAID_OUT, "scores")


def test_settings_that_do_less_cost_less() -> None:
    def with_settings(**settings: int) -> Work:
        return replace(LAID_OUT, settings=settings_for("local", settings))

    polish = seconds(LAID_OUT, "layout") - seconds(with_settings(polish_sweeps=0), "layout")
    fewer = seconds(LAID_OUT, "layout") - seconds(with_settings(polish_sweeps=3), "layout")
    assert fewer == pytest.approx(polish * 2 / 5)  # two of the five sweeps
    assert polish > 0
    assert seconds(with_settings(iterations=0), "layout") < seconds(LAID_OUT, "layout")
    # A rebuild has neither the phases that find the whole nor the principal components.
    assert seconds(replace(LAID_OUT, rebuilt=True), "layout") < 0.7 * seconds(LAID_OUT, "layout")
    assert seconds(replace(LAID_OUT, searched=0), "graph") == 0.0


def test_few_new_rows_cost_their_own_search_only() -> None:
    few = replace(LAID_OUT, searched=100, made=False)
    assert seconds(replace(few, searched=200), "graph") == pytest.approx(2 * seconds(few, "graph"))
    assert seconds(few, "graph") < seconds(LAID_OUT, "graph") / 20


def test_controls_cost_as_much_as_their_maps() -> None:
    assert seconds(ANCHORED, "controls") == pytest.approx(7 * seconds(ANCHORED, "layout"))
    alone = replace(ANCHORED, maps=1)
    assert seconds(alone, "controls") == 0.0
    assert seconds(alone, "scores") < seconds(ANCHORED, "scores")


def test_a_method_whose_costs_are_not_known_is_not_forecast() -> None:
    seen = Kept()
    found = expect(replace(LAID_OUT, method="umap", settings={}), seen)
    assert (found.forecast, found.compared({"layout": 1.0}), seen.forecasts) == (None, None, [])


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the probe measure a machine that is half as fast, with one thread."""
    pace = Pace(dict.fromkeys(KINDS, 2.0), dict.fromkeys(KINDS, 1))
    monkeypatch.setattr(forecast, "measured_pace", lambda short, observer: pace)
    monkeypatch.setattr(forecast, "compile_loops", lambda articles, questions, observer: None)


@pytest.mark.usefixtures("no_probe")
def test_what_is_expected_is_reported_and_compared_with_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Kept()
    found = expect(LAID_OUT, seen)
    result = found.forecast
    assert result is not None
    assert (seen.forecasts, seen.notices) == ([result], [])
    assert result.stages["graph"] == pytest.approx(2 * seconds(LAID_OUT, "graph"))
    assert result.seconds == pytest.approx(sum(result.stages.values()))
    assert result.low_s < result.seconds < result.high_s
    assert (result.took_s, result.took_bytes) == (None, None)
    took = found.compared({"questions": 50.0, "graph": 2.0, "layout": 3.0, "waiting": 9.0})
    assert took is not None
    assert took.took_s == 5.0, "what was not forecast is not compared"
    monkeypatch.setattr(forecast, "most_held_bytes", lambda: 500)
    for before, peak in ((400, 500), (500, None), (None, 500)):
        compared = replace(found, held_before=before).compared({})
        assert compared is not None
        assert compared.took_bytes == peak, "where the process held more before, the peak is not that of the run"


@pytest.mark.usefixtures("no_probe")
def test_too_little_memory_is_said_before_the_run_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "memory_available", lambda: 100_000_000)
    seen = Kept()
    result = expect(LAID_OUT, seen).forecast
    assert result is not None
    assert result.memory_bytes > result.available_bytes
    needed, there = (f"{n / 1e9:.1f} GB" for n in (result.memory_bytes, result.available_bytes))
    assert seen.notices == [
        f"warning: about {needed} of memory are needed and {there} are available, so the run may be killed. "
        "Close other programs, raise the limit, or use a larger machine; or bound the memory (memory=), so that a "
        "sample is laid out; or map a part of the articles "
        "(focus=, focus_size=)."
    ]
    seen = Kept()
    expect(ANCHORED, seen)
    assert "focus" not in seen.notices[0]


def test_memory_grows_with_the_vectors_and_the_rows() -> None:
    more = replace(LAID_OUT, rows=200_000, articles=200_000)
    assert forecast.memory_bytes(more) - forecast.memory_bytes(LAID_OUT) > 100_000 * 384 * 4
    # Of a part of the articles the vectors are held twice, all else once.
    part = replace(LAID_OUT, articles=1_000)
    assert forecast.memory_bytes(part) < forecast.memory_bytes(LAID_OUT)


@pytest.mark.parametrize("short", [False, True])
def test_the_probe_measures_a_machine(short: bool) -> None:
    for questions in (0, 1):
        forecast.compile_loops(1_200, questions, Silent())
    pace = forecast.measured_pace(short, Silent())
    assert set(pace.slowness) == set(pace.threads) == set(KINDS)
    assert min(pace.slowness[PRODUCTS], pace.slowness[LOOPS]) > 0
    assert pace.slowness[TURNS] >= 0
    assert numba.get_num_threads() == pace.threads[LOOPS]


@pytest.mark.parametrize(
    ("own", "files", "left"),
    [
        # Version 2: 500 allowed, 420 used, 20 of them cached files; the group above has no limit.
        ("0::/jobs/one\n", {"jobs/one": ("500", "420", "inactive_file 20"), "jobs": ("max", "900", "")}, [100]),
        # The limit is that of the group above.
        ("0::/jobs/one\n", {"jobs/one": ("max", "420", ""), "jobs": ("1000", "900", "inactive_file 5")}, [105]),
        # A container sees its own group at the root, and a path that is not there.
        ("0::/../host\n", {"": ("300", "100", "anon 90\ninactive_file 1")}, [201]),
        ("no such file", {}, []),
    ],
)
def test_the_limit_of_a_control_group_counts(
    tmp_path: Path, own: str, files: dict[str, tuple[str, str, str]], left: list[int]
) -> None:
    for group, (limit, used, stat) in files.items():
        folder = tmp_path / "groups" / group
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in (("memory.max", limit), ("memory.current", used), ("memory.stat", stat)):
            (folder / name).write_text(value + "\n")
    mine = tmp_path / "own"
    mine.write_text(own)
    assert list(shortages._left_in_groups(tmp_path / "groups", mine)) == left
    if left:
        assert shortages.memory_available(tmp_path / "groups", mine) == left[0]


def test_the_limit_of_a_control_group_of_version_1_counts(tmp_path: Path) -> None:
    folder = tmp_path / "memory" / "docker"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("700\n")
    (folder / "memory.usage_in_bytes").write_text("650\n")
    (folder / "memory.stat").write_text("cache 9\ntotal_inactive_file 30\n")
    (tmp_path / "own").write_text("12:cpu,cpuacct:/docker\n5:memory:/docker\n")
    assert list(shortages._left_in_groups(tmp_path, tmp_path / "own")) == [80]


def test_the_most_that_was_held_is_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n")
    assert most_held_bytes(tmp_path / "status") == 2048 * 1024
    assert most_held_bytes(tmp_path / "none") is None

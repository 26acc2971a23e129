"""What a run prints when it is not on a terminal."""

from __future__ import annotations

import pytest

from vecindex.cli import progress as module
from vecindex.types import Estimate, Progress, Stage


def test_lines_show_rows_rate_time_left_batch_and_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_LINE_EVERY_S", 0.0)
    with module.Screen() as screen:
        screen.estimate(Estimate(10_000, False, 50.0, 200.0, 5_000_000, 4_000_000, "cpu", "bf16", 0.99993))
        screen.progress(Progress(1_000, 10_000, 1_000, 50.0, 4_096, "cpu", "bf16"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "estimate: about 10,000 rows to do, 50 texts/s on cpu in bf16, cosine to fp32 0.99993, "
        "about 3 min 20 s, 5.0 MB on disk, 4.0 MB free",
        "warning: not enough free disk space",
        "1,000 of 10,000 rows, 1,000 embedded, 50.0 texts/s, 3 min 0 s left, batch 4,096 tokens, cpu bf16",
    ]


def test_a_single_row_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    with module.Screen() as screen:
        screen.estimate(Estimate(1, True, 50.0, 0.1, 5_000, 9_000_000, "cpu", "bf16", 0.99993))
    assert capsys.readouterr().err.startswith("estimate: 1 row to do, ")


def test_a_stage_shows_how_long_it_will_take(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    screen = module.Screen()
    for clock[0], stage in (
        (131.0, Stage("layout", 0, 750)),
        (140.0, Stage("layout", 200, 750)),  # less than 30 s after the last line
        (171.0, Stage("layout", 250, 750)),
        (202.0, Stage("scores", 0, None)),
    ):
        screen.stage(stage)
    # 250 of 750 took 40 s, so the other 500 will take 80 s.
    assert capsys.readouterr().err.splitlines() == ["layout", "layout: 33 %, 1 min 20 s left", "scores"]


def test_who_stops_a_run_sees_how_long_its_transaction_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    screen = module.Screen()
    screen.progress(Progress(1_000, 10_000, 1_500, 4.0, 4_096, "cpu", "bf16", in_flight=500))
    screen.stopping()
    # A line each 5 s now, of the transaction and not of the whole run.
    for clock[0], in_flight in ((103.0, 488), (106.0, 476), (108.0, 468), (120.0, 0)):
        screen.progress(Progress(1_000, 10_000, 2_000 - in_flight, 4.0, 4_096, "cpu", "bf16", in_flight=in_flight))
    assert capsys.readouterr().err.splitlines() == [
        "stopping after the transaction in flight, in about 2 min 5 s (500 texts left); "
        "once more to stop at once (nothing committed is lost)",
        "stopping: about 1 min 59 s (476 texts left)",
        "stopping: storing the transaction",
    ]


@pytest.mark.parametrize("progress", [None, Progress(0, 10, 0, 0.0, 0, "", ""), Progress(9, 9, 9, 1.0, 9, "c", "f")])
def test_without_a_rate_no_time_is_made_up(progress: Progress | None, capsys: pytest.CaptureFixture[str]) -> None:
    screen = module.Screen()
    if progress is not None:
        screen.progress(progress)
    screen.stopping()
    assert capsys.readouterr().err.splitlines()[-1] == (
        "stopping after the transaction in flight; once more to stop at once (nothing committed is lost)"
    )

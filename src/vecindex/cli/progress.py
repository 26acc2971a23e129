"""What a run shows on standard error: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from vecindex.cli.layout import columns, lines
from vecindex.cli.logs import SAID
from vecindex.cli.output import VOICE, WORTH_A_FORECAST_S, about, duration, expected, say, size, warn
from vecindex.cli.spelling import spelled
from vecindex.cli.wrapping import cells, cut
from vecindex.messages import Message, counted, percent
from vecindex.types import Estimate, Forecast, Progress, Stage

_LINE_EVERY_S = 30.0
# Who asked for an end waits for it.
_STOPPING_LINE_EVERY_S = 5.0
_LEAST_BAR, _WIDEST_BAR = 10, 40
_ELAPSED = len("0:00:00")


class Screen(AbstractContextManager["Screen"]):
    """An observer that shows what is reported to it."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._last_line = time.monotonic()
        self._todo: int | None = None
        self._stage: str | None = None
        self._stage_since = 0.0
        self._last: Progress | None = None
        self._stopping = False

    def __exit__(self, *error: object) -> None:
        """Take the bar down."""
        if self._bar is not None:
            self._bar.stop()

    def notice(self, message: Message) -> None:
        """Show a line."""
        if self._bar is None:
            say(message)
            return
        SAID.info(spelled(message))
        for line in lines(message, sys.stderr):
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def warning(self, message: Message) -> None:
        """Show a line that stays with --quiet."""
        if self._bar is None or VOICE.quiet:
            warn(message)
        else:
            self.notice(message)

    def estimate(self, estimate: Estimate) -> None:
        """Show what the run will cost."""
        self._todo = estimate.rows
        parts = []
        if estimate.rows is not None:
            rows = counted(estimate.rows, "row") if estimate.exact else about(estimate.rows, "row")
            parts.append(f"{rows} to do")
        if estimate.texts_per_s:
            parts.append(f"{estimate.texts_per_s:.0f} texts/s on {estimate.device} in {estimate.precision}")
        if estimate.precision_cosine is not None and estimate.precision != "fp32":
            parts.append(f"cosine to fp32 {estimate.precision_cosine:.5f}")
        if estimate.seconds:
            parts.append(f"about {duration(estimate.seconds)}")
        if estimate.disk_bytes is not None:
            parts.append(f"{size(estimate.disk_bytes)} on disk")
        if estimate.free_bytes is not None:
            parts.append(f"{size(estimate.free_bytes)} free")
        self.notice("estimate: " + ", ".join(parts))
        if estimate.disk_bytes and estimate.free_bytes is not None and estimate.disk_bytes > estimate.free_bytes:
            self.warning("warning: not enough free disk space")

    def forecast(self, forecast: Forecast) -> None:
        """Show what a map will cost, unless it is made in no time."""
        if forecast.high_s >= WORTH_A_FORECAST_S:
            self.notice(f"forecast: {expected(forecast)}")

    def stopping(self) -> None:
        """Show that the run stops after the transaction in flight, and about when; go on to show how that goes."""
        self._stopping = True
        left = "" if self._last is None else _left(self._last)
        self.notice(
            f"stopping after the transaction in flight{f', in {left}' if left else ''}; "
            "once more to stop at once (nothing committed is lost)"
        )

    def progress(self, progress: Progress) -> None:
        """Show where the run stands."""
        self._last = progress
        if self._stopping:
            left = _left(progress) or "storing the transaction"
            if self._terminal:
                self._draw("stopping", progress.embedded, None, [left])
            elif self._line_is_due(_STOPPING_LINE_EVERY_S):
                say(f"stopping: {left}")
            return
        rate = [f"{progress.texts_per_s:.1f} texts/s"]
        eta = self._eta(progress)
        how = [f"batch {progress.batch_tokens:,} tokens", f"{progress.device} {progress.precision}"]
        if self._terminal and progress.embedded:
            count = [f"{progress.embedded:,}" + (f" of {self._todo:,}" if self._todo else "")]
            parts = [[*count, *rate, *eta, *how], [*count, *rate, *eta], [*count, *eta], eta or count]
            self._draw("embedding", progress.embedded, self._todo, [", ".join(some) for some in parts])
        elif self._terminal:
            self._draw("reading", progress.rows, progress.total, [f"{progress.rows:,}"])
        elif self._line_is_due():
            done = f"{progress.rows:,}" + (f" of {progress.total:,}" if progress.total else "") + " rows"
            more = [f"{progress.embedded:,} embedded", *rate, *eta, *how] if progress.embedded else []
            say(", ".join([done, *more]))

    def stage(self, stage: Stage) -> None:
        """Show where a stage stands, and when it will be done at the rate that it has had so far."""
        now = time.monotonic()
        if stage.name != self._stage:
            self._stage, self._stage_since = stage.name, now
        left = ""
        if stage.total and 0 < stage.done < stage.total:
            seconds = (now - self._stage_since) / stage.done * (stage.total - stage.done)
            left = f"{percent(stage.done / stage.total)}, {duration(seconds)} left"
        if self._terminal:
            self._draw(stage.name, stage.done, stage.total, [left])
        elif self._line_is_due():
            say(f"{stage.name}{': ' if left else ''}{left}")

    def _line_is_due(self, every_s: float | None = None) -> bool:
        now = time.monotonic()
        due = now - self._last_line >= (_LINE_EVERY_S if every_s is None else every_s)
        self._last_line = now if due else self._last_line
        return due

    def _eta(self, progress: Progress) -> list[str]:
        if not self._todo or not progress.texts_per_s:
            return []
        # All else overlaps with the model, so its rate is that of the run.
        return [f"{duration(max(0, self._todo - progress.embedded) / progress.texts_per_s)} left"]

    def _draw(self, name: str, done: float, total: float | None, texts: Sequence[str]) -> None:
        """Draw the bar with the first text that fits next to it; the last one in any case."""
        if VOICE.quiet:
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bar = Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[text]}", markup=False),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(name, total=None, text="")
        room = columns(sys.stderr) - cells(name) - _ELAPSED - _LEAST_BAR - 3
        text = cut(next((some for some in texts if cells(some) <= room), texts[-1]), max(1, room))
        self._bar.columns[1].bar_width = max(1, min(_WIDEST_BAR, room - cells(text) + _LEAST_BAR))
        self._bar.update(self._task, description=name, completed=done, total=total, text=text)


def _left(progress: Progress) -> str:
    """Return how long the model needs for the transaction in flight at its rate so far; "" where that is unknown."""
    if not progress.in_flight or not progress.texts_per_s:
        return ""
    return f"about {duration(progress.in_flight / progress.texts_per_s)} ({counted(progress.in_flight, 'text')} left)"

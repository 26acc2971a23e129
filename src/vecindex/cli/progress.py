"""What a run shows on standard error: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from vecindex.cli.output import duration, say, size
from vecindex.cli.spelling import spelled
from vecindex.messages import Message
from vecindex.types import Estimate, Progress, Stage

_LINE_EVERY_S = 30.0


class Screen:
    """An observer that shows what it is told."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._last_line = time.monotonic()
        self._last_text = ""
        self._todo: int | None = None
        self._stage: str | None = None
        self._stage_since = 0.0

    def __enter__(self) -> Self:
        """Use as a context manager, so that the bar is always taken down."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar down."""
        if self._bar is not None:
            self._bar.stop()

    def notice(self, message: Message) -> None:
        """Show a line."""
        if self._bar is not None:
            self._bar.console.print(spelled(message), markup=False, highlight=False)
        else:
            say(message)

    def estimate(self, estimate: Estimate) -> None:
        """Show what the run will cost."""
        self._todo = estimate.rows
        parts = []
        if estimate.rows is not None:
            parts.append(f"{'' if estimate.exact else 'about '}{estimate.rows:,} rows to do")
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
            self.notice("warning: the disk has not enough space for all of it")

    def progress(self, progress: Progress) -> None:
        """Show where the run stands."""
        if self._terminal:
            self._draw(progress)
        elif time.monotonic() - self._last_line >= _LINE_EVERY_S:
            self._last_line = time.monotonic()
            done = f"{progress.rows:,}" + (f" of {progress.total:,}" if progress.total else "")
            model = ""
            if progress.embedded:
                model = (
                    f", {progress.embedded:,} embedded, {progress.texts_per_s:.1f} texts/s{self._eta(progress)}, "
                    f"batch {progress.batch_tokens:,} tokens, {progress.device} {progress.precision}"
                )
            say(f"{done} rows{model}")

    def stage(self, stage: Stage) -> None:
        """Show where a stage stands, and when it will be done at the rate that it has had so far."""
        now = time.monotonic()
        if stage.name != self._stage:
            self._stage, self._stage_since = stage.name, now
        told = ""
        if stage.total and 0 < stage.done < stage.total:
            left = (now - self._stage_since) / stage.done * (stage.total - stage.done)
            told = f"{stage.done / stage.total:.0%}, {duration(left)} left"
        if self._terminal:
            self._draw_stage(stage, told)
        elif now - self._last_line >= _LINE_EVERY_S:
            self._last_line = now
            say(f"{stage.name}{': ' if told else ''}{told}")

    def _draw_stage(self, stage: Stage, told: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bar = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[told]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(stage.name, total=None, told="")
        self._bar.update(self._task, description=stage.name, completed=stage.done, total=stage.total, told=told)

    def _eta(self, progress: Progress) -> str:
        if not self._todo or not progress.texts_per_s:
            return ""
        # All else overlaps with the model, so its rate is that of the run.
        return f", {duration(max(0, self._todo - progress.embedded) / progress.texts_per_s)} left"

    def _draw(self, progress: Progress) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bar = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[told]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("embedding", total=self._todo, told="")
        if not progress.embedded:
            self._bar.update(
                self._task, description="reading", completed=progress.rows, total=progress.total, told=""
            )
            return
        told = (
            f"{progress.texts_per_s:.1f} texts/s{self._eta(progress)} batch {progress.batch_tokens:,} "
            f"{progress.device} {progress.precision}"
        )
        self._bar.update(
            self._task, description="embedding", completed=progress.embedded, total=self._todo, told=told
        )

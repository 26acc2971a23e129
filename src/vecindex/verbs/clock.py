"""How long the stages of a run take."""

from __future__ import annotations

import time


class Clock:
    """Wall seconds of each stage."""

    def __init__(self) -> None:
        """Start the first stage."""
        self._mark = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """End a stage, and start the next one."""
        now = time.perf_counter()
        self.laps[name], self._mark = now - self._mark, now

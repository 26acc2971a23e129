"""What a user may ask of `project`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vecindex.core.anchors import anchor_settings
from vecindex.core.map_settings import DEFAULT_METHOD, settings_for
from vecindex.errors import ConfigError
from vecindex.options import ModelOptions
from vecindex.verbs.scores.scores import SAMPLE

DEFAULT_NAME = "map"
ANCHORED_NAME = "anchored"
"""Of a map that is anchored, unless another one is given."""
MIN_ARTICLES = 3


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """What to make; see `Index.project`. `settings` are those of the method or of anchoring, as they were given."""

    name: str = DEFAULT_NAME
    method: str | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    update: bool = False
    drop: bool = False
    fresh: bool = False
    focus: str | None = None
    focus_size: int | None = None
    anchor: bool = False
    questions: tuple[str, ...] = ()
    base: str | None = None
    controls: bool = True
    sample: int = SAMPLE
    model: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.update and self.drop:
            raise ConfigError("--update and --drop exclude each other.", "Give one of them.")
        if self.update or self.drop:
            self._refuse_layout("--update" if self.update else "--drop")
        self._check_anchor()
        if self.anchor:
            anchor_settings(self.settings)
        else:
            settings_for(self.chosen_method, self.settings)
        if (self.focus is None) != (self.focus_size is None):
            raise ConfigError(
                "--focus and --focus-size belong together.", "For example: --focus questions.jsonl --focus-size 10000"
            )
        if self.focus_size is not None and self.focus_size < MIN_ARTICLES:
            raise ConfigError(f"--focus-size must be at least {MIN_ARTICLES}, found {self.focus_size}.")
        if self.sample < 1:
            raise ConfigError(f"--sample must be at least 1, found {self.sample}.")
        if not 0 <= self.seed < 2**31:
            raise ConfigError(f"--seed must be from 0 to {2**31 - 1}, found {self.seed}.")

    @property
    def chosen_method(self) -> str:
        """The method, or the default one."""
        return self.method or DEFAULT_METHOD

    def _check_anchor(self) -> None:
        if self.anchor and not self.questions:
            raise ConfigError(
                "--anchor needs the questions to anchor the map to.",
                "For example: --anchor --questions questions.jsonl",
            )
        if not self.anchor:
            alone = {"--questions": bool(self.questions), "--from": self.base is not None}
            alone["--no-controls"] = not self.controls
            if given := [name for name, there in alone.items() if there]:
                raise ConfigError(f"{given[0]} means nothing without --anchor.", "Add --anchor, or leave it out.")
            return
        beside = {
            "--update": self.update,
            "--drop": self.drop,
            "--method": self.method is not None,
            "--fresh": self.fresh,
            "--focus": self.focus is not None or self.focus_size is not None,
        }
        if given := [name for name, there in beside.items() if there]:
            raise ConfigError(
                f"{given[0]} means nothing beside --anchor, which derives a map from one that is there.",
                "Leave one of them out.",
            )

    def _refuse_layout(self, what: str) -> None:
        given = [
            name
            for name, there in (
                ("--method", self.method is not None),
                ("--fresh", self.fresh),
                ("--focus", self.focus is not None or self.focus_size is not None),
                *((f"--{name.replace('_', '-')}", True) for name in self.settings),
            )
            if there
        ]
        if given:
            raise ConfigError(
                f"{given[0]} means nothing beside {what}, which lays nothing out.",
                f"Leave it out, or leave out {what}.",
            )

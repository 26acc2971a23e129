"""What a user may ask of `overlap`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vecindex.core.geometry import PADDING
from vecindex.core.nulls import SEED
from vecindex.errors import ConfigError
from vecindex.verbs.overlap.measure import DEPTH
from vecindex.verbs.overlap.what_if import CORPUS
from vecindex.verbs.questions.model import ModelOptions


@dataclass(frozen=True, slots=True)
class OverlapOptions:
    """What to measure; see `Index.overlap`."""

    file: str | None = None
    texts: Sequence[str] = ()
    question: str | None = None
    k: int = 5
    by: str = "article"
    topic_field: str | None = None
    map: str | None = None
    padding: float = PADDING
    sample: int = 500
    seed: int = SEED
    at: str | None = None
    model: ModelOptions = field(default_factory=ModelOptions)
    what_if: str | None = None
    explain: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.file is not None and self.texts:
            raise ConfigError("overlap takes a file of questions or texts, not both.")
        if self.file is None and not self.texts and self.question is None:
            raise ConfigError(
                "overlap needs questions: a file, or texts.",
                'Add --questions FILE, or --question "how do cells die".',
            )
        if self.question is not None and not self.question.strip():
            raise ConfigError("--question is empty.", 'For example: --question "how do cells die"')
        if self.by not in ("article", "chunk"):
            raise ConfigError(f"--by is article or chunk, found {self.by!r}.")
        if not 1 <= self.k <= DEPTH:
            raise ConfigError(f"-k must be from 1 to {DEPTH}, found {self.k}.")
        if self.padding < 0:
            raise ConfigError(f"--bbox-padding must not be negative, found {self.padding}.")
        if self.sample < 1:
            raise ConfigError(f"--sample must be at least 1, found {self.sample}.")
        if self.what_if not in (None, CORPUS):
            raise ConfigError(f"--what-if knows {CORPUS} only, found {self.what_if!r}.", f"--what-if {CORPUS}")

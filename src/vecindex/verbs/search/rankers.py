"""The ways to rank the articles of a table, by their names."""

from __future__ import annotations

from dataclasses import dataclass

from vecindex.errors import ConfigError
from vecindex.messages import is_it, option, text

MEANING, WORDS, HYBRID = RANKERS = ("meaning", "words", "hybrid")
"""By the vectors (exact), by the words (BM25), and both rankings fused."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """A way to rank: by what the first list is made."""

    base: str

    def __str__(self) -> str:
        """Return its name, as it is given."""
        return self.base

    @property
    def by_words(self) -> bool:
        """Whether the full-text index is needed."""
        return self.base != MEANING

    @property
    def by_meaning(self) -> bool:
        """Whether vectors of the questions are needed."""
        return self.base != WORDS


def ranker_of(name: str) -> Ranker:
    """Return the ranker of a name; raises ConfigError where there is none.

    >>> str(ranker_of("hybrid"))
    'hybrid'
    """
    if name not in RANKERS:
        raise ConfigError(
            text(option("rankers"), f": {name!r} is no way to rank."),
            f"{is_it(name, RANKERS)}There are: {', '.join(RANKERS)}.",
        )
    return Ranker(name)

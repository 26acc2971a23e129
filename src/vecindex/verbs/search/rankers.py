"""The ways to rank the articles of a table, by their names: hybrid, words+rerank, meaning+diverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vecindex.errors import ConfigError
from vecindex.messages import is_it, option, text

MEANING, WORDS, HYBRID, APPROXIMATE = RANKERS = ("meaning", "words", "hybrid", "approximate")
"""By the vectors (exact), by the words (BM25), both rankings fused, and by the vectors through their index."""
EXACT = (MEANING, HYBRID)
"""Those that compare a question with each vector of the table."""
RERANK, DIVERSE = STEPS = ("rerank", "diverse")
"""What may follow: a cross-encoder orders the first hits again; near-duplicates go, and hits differ."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """A way to rank: what makes the first list, and what is done with it."""

    base: str
    rerank: bool = False
    diverse: bool = False

    def __str__(self) -> str:
        """Return its name, as it is given."""
        return "+".join([self.base, *[RERANK] * self.rerank, *[DIVERSE] * self.diverse])

    @property
    def by_words(self) -> bool:
        """Whether the full-text index is needed."""
        return self.base in (WORDS, HYBRID)

    @property
    def by_meaning(self) -> bool:
        """Whether vectors of the questions are needed."""
        return self.base != WORDS


def ranker_of(name: str, named: str = "rankers", known: Sequence[str] = RANKERS) -> Ranker:
    """Return the ranker of a name; raises ConfigError where there is none, which offers the `known` ones.

    `named` is the option that names it.

    >>> ranker_of("hybrid+rerank")
    Ranker(base='hybrid', rerank=True, diverse=False)
    """
    base, *steps = (part.strip() for part in name.split("+"))
    wrong = next((step for step in steps if step not in STEPS), None)
    if wrong is None and (twice := next((step for step in steps if steps.count(step) > 1), None)):
        raise ConfigError(text(option(named), f": {name!r} names {twice} twice."), "Each step is made once.")
    if base not in RANKERS or wrong is not None:
        near = is_it(base, known) if base not in RANKERS else is_it(str(wrong), STEPS)
        raise ConfigError(
            text(option(named), f": {name!r} is no way to rank."),
            f"{near}There are: {', '.join(known)}, each perhaps with +{RERANK} or +{DIVERSE}.",
        )
    return Ranker(base, RERANK in steps, DIVERSE in steps)


def with_steps(rankers: Sequence[Ranker], rerank: bool, diverse: bool) -> list[Ranker]:
    """Return rankers, each once, and where a step was asked for that none of them has, each with it as well.

    >>> [str(one) for one in with_steps([ranker_of("words")], rerank=True, diverse=True)]
    ['words', 'words+rerank', 'words+diverse']
    """
    found = list(rankers)
    if rerank and not any(one.rerank for one in rankers):
        found += [Ranker(one.base, True, one.diverse) for one in rankers]
    if diverse and not any(one.diverse for one in rankers):
        found += [Ranker(one.base, one.rerank, True) for one in rankers]
    return list(dict.fromkeys(found))

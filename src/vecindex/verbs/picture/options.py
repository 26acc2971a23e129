"""What to show on a page or in a picture of a map, and which map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vecindex.core.anchors import anchored_to
from vecindex.core.picture import MapScore
from vecindex.errors import ConfigError
from vecindex.options import ModelOptions
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import maps
from vecindex.verbs.overlap.options import DEPTH

SNIPPET = 120
MOST_TOPICS = 24
PAGE_BYTES = 30_000_000
"""A page with beginnings of texts is kept below this, for a browser has to read it whole."""
LONGEST_SNIPPET = 1_000


@dataclass(frozen=True, slots=True)
class MapOptions:
    """What to show; see `Index.map`."""

    map: str | None = None
    file: str | None = None
    texts: Sequence[str] = ()
    k: int = 5
    color: str | None = None
    fields: Sequence[str] | None = None
    snippet: int | None = None
    topics: int | None = None
    seed: int = 0
    at: str | None = None
    model: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.file is not None and self.texts:
            raise ConfigError("map takes a file of questions or texts, not both.")
        if not 1 <= self.k <= DEPTH:
            raise ConfigError(f"-k must be from 1 to {DEPTH}, found {self.k}.")
        if self.snippet is not None and not 0 <= self.snippet <= LONGEST_SNIPPET:
            raise ConfigError(f"--snippet is a number of signs from 0 to {LONGEST_SNIPPET:,}, found {self.snippet}.")
        if self.topics is not None and not 0 <= self.topics <= MOST_TOPICS:
            raise ConfigError(f"--topics is a number from 0 to {MOST_TOPICS}, found {self.topics}.")


def chosen_map(table: ArticleTable, name: str | None) -> tuple[str, Mapping[str, Any]]:
    """Return the map of this name and what is kept with it; without a name the one to show.

    That is the best by its own recall at the smallest k among those that are not anchored, else among those that are;
    of equally good ones the first by name. One without scores comes last.

    Raises ConfigError naming the maps that there are.
    """
    there = {one: about if isinstance(about, Mapping) else {} for one, about in maps(table).items()}
    if not there:
        raise ConfigError(f"{table.where} has no map yet.", "Make one: vecindex project")
    if name is not None and name not in there:
        raise ConfigError(
            f"{table.where} has no map {name!r} (maps there: {', '.join(sorted(there))}).",
            "Name one of them: --map NAME",
        )
    best = name or min(there, key=lambda one: (anchored_to(there[one]) is not None, -_recall(there[one]), one))
    return best, there[best]


def _recall(about: Mapping[str, Any]) -> float:
    found = [score.mean for score in stored_scores(about)]
    return found[0] if found else -1.0


def stored_scores(about: Mapping[str, Any]) -> tuple[MapScore, ...]:
    """Return the scores that are kept with a map: its recall under each k; of an anchored one, overlap as well.

    The overlap of the questions that it is anchored to is a constraint of the map; that of held-out ones tells what
    the map is worth for questions that it has not seen.
    """
    found = []
    recall = _mapping(_mapping(about.get("scores")).get("recall"))
    for k in sorted((k for k in recall if str(k).isdigit()), key=int):
        found += _score(f"recall@{k}", recall[k])
    anchors = _mapping(about.get("anchors"))
    k = anchors.get("k", 5)
    for key, name in (
        ("anchored", f"overlap@{k} of its own questions"),
        ("held_out", f"overlap@{k} of held-out ones"),
    ):
        found += _score(name, _mapping(anchors.get(key)).get("overlap"))
    return tuple(found)


def _score(name: str, told: Any) -> list[MapScore]:
    mean = _number(_mapping(told).get("mean"))
    return [] if mean is None else [MapScore(name, mean, _number(told.get("low")), _number(told.get("high")))]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

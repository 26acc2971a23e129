"""Which of a table's maps is the map: one rule for `overlap` and its threshold, `map`, `serve` and exports.

1. the map that was asked for;
2. a map that is laid out for the questions that are asked, or holds the articles nearest to them;
3. a neutral map: of all articles, and laid out for no questions; made here or elsewhere;
4. a map of the articles nearest to other questions;
5. a map laid out for other questions.

Of several of one kind it is the newest, so whoever made a map to follow advice sees what came of it. Of equally new
ones it is the best by its own recall at the smallest k, then the first by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vecindex.core.anchors import anchored_to, set_digest, text_digest
from vecindex.errors import ConfigError
from vecindex.messages import command, text
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import columns_of_a_map, damaged_maps, maps, no_such_map
from vecindex.verbs.map_state import stored_scores

Digests = frozenset[str]
"""What questions are known by, `core.anchors.text_digest`."""


class MapKind(StrEnum):
    """What a map was laid out by."""

    NEUTRAL = "neutral"
    ADOPTED = "adopted"
    FOCUSED = "focused"
    ANCHORED = "anchored"

    @property
    def is_neutral(self) -> bool:
        """Whether it shows all articles and was laid out for no questions, as far as is known."""
        return self in (MapKind.NEUTRAL, MapKind.ADOPTED)


@dataclass(frozen=True, slots=True)
class TheMap:
    """The map that is shown and judged, and why it is this one, as a remark behind its name."""

    name: str
    reason: str


def kind_of(about: Any) -> MapKind:
    """Return the kind of a map, from what is stored with it.

    >>> str(kind_of({"method": "umap"})), str(kind_of({"focus": {"size": 9}})), str(kind_of({"anchored": True}))
    ('neutral', 'focused', 'anchored')
    """
    if anchored_to(about) is not None:
        return MapKind.ANCHORED
    found = about if isinstance(about, Mapping) else {}
    if found.get("focus") is not None:
        return MapKind.FOCUSED
    return MapKind.ADOPTED if found.get("imported") is not None else MapKind.NEUTRAL


def digests_of(texts: Iterable[str]) -> Digests:
    """Return what questions are known by."""
    return frozenset(text_digest(one) for one in texts)


def made_for(about: Any, asked: Digests) -> bool:
    """Return whether a map is anchored to all of these questions, or shows the articles nearest to just these.

    >>> anchors = {"digests": [text_digest("Why?"), text_digest("How?")]}
    >>> made_for({"anchored": True, "anchors": anchors}, digests_of(["why?"]))
    True
    >>> made_for({"anchored": True, "anchors": anchors}, digests_of(["why?", "Who?"]))
    False
    """
    if not asked or not isinstance(about, Mapping):
        return False
    anchors, focus = about.get("anchors"), about.get("focus")
    if isinstance(anchors, Mapping):
        return asked <= set(anchors.get("digests") or ())
    return isinstance(focus, Mapping) and focus.get("set") == set_digest(asked)


def the_map(there: Mapping[str, Any], asked: Digests = frozenset(), name: str | None = None) -> TheMap:
    """Return the map by the rule of this module, and why.

    Parameters
    ----------
    there : what is stored with each map, under its name; at least one.
    asked : the questions; empty where none are asked.
    name : of the map that was asked for.

    >>> made = {"map": {"made_at": "2026-01-01"}, "new": {"made_at": "2026-02-01"}, "near": {"focus": {}}}
    >>> the_map(made), the_map({"map": {}}).reason
    (TheMap(name='new', reason='the newest neutral map'), 'the only one')
    """
    if name is not None:
        return TheMap(name, "as asked")
    ranks = {one: _rank(about, asked) for one, about in there.items()}
    first = min(ranks.values())
    of_it = [one for one, rank in ranks.items() if rank == first]
    # The newest first; sorting is stable, so the later key decides first.
    order = sorted(sorted(of_it), key=lambda one: -_recall(there[one]))
    found = sorted(order, key=lambda one: _made_at(there[one]), reverse=True)[0]
    return TheMap(found, _reason(there[found], first, len(of_it), len(there)))


def _rank(about: Any, asked: Digests) -> int:
    if made_for(about, asked):
        return 0
    kind = kind_of(about)
    return 1 if kind.is_neutral else 2 if kind is MapKind.FOCUSED else 3


def _reason(about: Any, rank: int, of_its_kind: int, maps_in_all: int) -> str:
    if rank == 0:
        focused = kind_of(about) is MapKind.FOCUSED
        return "of the articles nearest to these questions" if focused else "laid out for these questions"
    if rank == 1:
        if maps_in_all == 1:
            return "the only one"
        return "the newest neutral map" if of_its_kind > 1 else "the only neutral map"
    if rank == 2:
        return "of the articles nearest to other questions; there is no neutral map"
    return "laid out for other questions; there is no neutral map"


def _made_at(about: Any) -> str:
    # Times are kept in UTC in one form (ISO 8601), so their order is that of the texts.
    return str(about.get("made_at") or "") if isinstance(about, Mapping) else ""


def _recall(about: Any) -> float:
    found = [score.mean for score in stored_scores(about)] if isinstance(about, Mapping) else []
    return found[0] if found else -1.0


def chosen_map(
    table: ArticleTable, name: str | None, asked: Digests = frozenset()
) -> tuple[TheMap, Mapping[str, Any]]:
    """Return the map to show, by the rule of this module, and what is stored with it.

    Raises ConfigError naming the maps that there are, for a name that is not among them, or without any map.
    """
    there = {one: about if isinstance(about, Mapping) else {} for one, about in maps(table).items()}
    if not there:
        raise next(iter(damaged_maps(table).values()), None) or ConfigError(
            f"{table.where} has no map yet.", text("Make one: ", command("project"), *_taken_over(table))
        )
    if name is not None and name not in there:
        raise no_such_map(table, name, "Name one of them.")
    found = the_map(there, asked, name)
    return found, there[found.name]


def _taken_over(table: ArticleTable) -> list[Any]:
    """Return the words on columns that look like a map made elsewhere."""
    columns = columns_of_a_map(table)
    if columns is None:
        return []
    return ["; or take over its columns: ", command("project", columns=",".join(columns))]

"""Other maps of a table with the articles of a picture on them, and how many neighbors stay the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vecindex.core.anchors import anchored_to
from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.overlap import found_in
from vecindex.core.picture import LEVELS, NO_COLOR, Coloring, MapPicture, OtherMap, PlacedQuestion
from vecindex.core.questions import Question
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.messages import counted
from vecindex.neighbors.plane import Plane
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import maps, no_such_map
from vecindex.verbs.map_state import stored_scores
from vecindex.verbs.picture.lenses import placed_on
from vecindex.verbs.picture.topics import Topics, labels_on
from vecindex.verbs.reader import TableReader

KEPT_OF = 10
"""Map neighbors of an article that are compared between two maps."""
MOST_MAPS = 6
"""Maps that one page shows: each adds 5 bytes an article to it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions on a picture: their unit vectors (q, d), and their nearest articles by embedding (q, k + 1)."""

    questions: Sequence[Question]
    vectors: F32
    near: Neighbors


def names_of(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the maps that were asked for, each once; none where the map is chosen by rule.

    >>> names_of(None), names_of("map"), names_of(["a", "b", "a"])
    ((), ('map',), ('a', 'b'))
    """
    if given is None or isinstance(given, str):
        return () if given is None else (given,)
    names = tuple(dict.fromkeys(given))
    if len(names) > MOST_MAPS:
        raise ConfigError(f"A page shows at most {MOST_MAPS} maps, found {len(names)}.", "Name fewer of them.")
    return names


def others_of(stored: Mapping[str, Any], name: str) -> list[str]:
    """Return the names of a table's other maps, the newest first, as many as a page shows alongside one.

    >>> others_of({"a": {"made_at": "2026-01-01"}, "b": {}, "c": {"made_at": "2026-02-01"}}, "b")
    ['c', 'a']
    """

    def made(other: str) -> str:
        about = stored[other]
        return str(about.get("made_at") or "") if isinstance(about, Mapping) else ""

    return sorted((one for one in stored if one != name), key=made, reverse=True)[: MOST_MAPS - 1]


def check_maps(table: ArticleTable, names: Sequence[str]) -> None:
    """Raise ConfigError, naming the maps that there are, for the first that the table does not have."""
    there = maps(table) if names else {}
    for name in names:
        if name not in there:
            raise no_such_map(table, name, "Name one of them.")


def with_others(
    picture: MapPicture,
    names: Sequence[str],
    table: ArticleTable,
    reader: TableReader,
    index: Rows,
    topics: Topics | None,
    asked: Asked | None,
) -> tuple[MapPicture, tuple[str, ...]]:
    """Return a picture with other maps alongside its own, and notes on what is left out.

    Parameters
    ----------
    names : of the other maps, whose positions `reader` has read.
    index : (n,) each row's index in the picture's order; NO_ROW for one that is not in it.

    Of each other map the picture gets the positions of its articles, its labels and its questions there, and a
    coloring by how many map neighbors are the same.
    """
    stored = maps(table) if names else {}
    notes: list[str] = []
    found, colorings = [], list(picture.colorings)
    for name in names:
        about = stored[name] if isinstance(stored[name], Mapping) else {}
        other = _other(picture, name, about, reader, index, topics, asked)
        if not other.there.any():
            notes.append(f"map {name!r} has none of the articles of map {picture.map!r}, and is left out")
            continue
        away = other.articles - int(other.there.sum())
        if away:
            those = "article of map" if away == 1 else "articles of map"
            notes.append(f"{away:,} {those} {name!r} are not on map {picture.map!r}, and are not shown")
        kept, k = kept_neighbors(picture.xy, other.xy)
        if k:
            colorings.append(_coloring(picture.map, name, kept, k))
            other = replace(other, k=k, kept=float(kept[kept >= 0].mean()))
        found.append(other)
    if found:
        # There are several maps that articles can be nearby on.
        nearby = f"articles nearby on {picture.map}"
        colorings = [replace(one, label=nearby) if one.key == "density" else one for one in colorings]
    return replace(picture, alongside=tuple(found), colorings=tuple(colorings)), tuple(notes)


def _other(
    picture: MapPicture,
    name: str,
    about: Mapping[str, Any],
    reader: TableReader,
    index: Rows,
    topics: Topics | None,
    asked: Asked | None,
) -> OtherMap:
    everything = reader.positions[name]
    there = np.isfinite(everything).all(axis=1)
    shown = there & (index != NO_ROW)
    xy = np.full((len(picture), 2), np.nan)
    xy[index[shown]] = everything[shown]
    made, method = about.get("made_at"), about.get("method")
    labels = labels_on(xy, topics.levels, topics.coloring) if topics is not None and shown.any() else ()
    questions: tuple[PlacedQuestion, ...] = ()
    if asked is not None:
        here = np.where(shown, index, NO_ROW)
        plane = Plane(everything, reader.articles)
        questions = placed_on(asked.questions, asked.vectors, asked.near, reader, plane, here)
    return OtherMap(
        map=name,
        method=method if isinstance(method, str) else None,
        made=made if isinstance(made, str) else None,
        anchored=anchored_to(about),
        scores=stored_scores(about),
        articles=int(there.sum()),
        xy=xy,
        topics=labels,
        questions=questions,
    )


def kept_neighbors(xy: F64, other: F64, k: int = KEPT_OF) -> tuple[Rows, int]:
    """Return how many of each article's k nearest on one map are its k nearest on another, (m,), and that k.

    Parameters
    ----------
    xy, other : (m, 2) positions on both; NaN for an article that is not on a map.

    Only articles on both maps count, as neighbors too; -1 for the others. Each of n has at most n - 1 neighbors, so k
    is smaller then. Of equally near ones those of the lower index come first.

    >>> line = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [6.0, 0.0]])
    >>> kept_neighbors(line, line[[0, 1, 3, 2]], k=1)
    (array([1, 1, 0, 0]), 1)
    """
    both = np.flatnonzero(np.isfinite(xy).all(axis=1) & np.isfinite(other).all(axis=1))
    kept = np.full(len(xy), -1, dtype=np.int64)
    k = min(k, len(both) - 1)
    if k < 1:
        return kept, 0
    alone = np.arange(len(both))
    here, there = (Plane(at[both]).nearest(at[both], k, alone).rows for at in (xy, other))
    kept[both] = found_in(here, there).sum(axis=1)
    return kept, k


def _coloring(name: str, other: str, kept: Rows, k: int) -> Coloring:
    codes = np.where(kept < 0, NO_COLOR, np.rint(np.maximum(kept, 0) * (LEVELS / k))).astype(np.uint8)
    note = (
        f"of {counted(k, 'nearest article', 'nearest articles')} on map {name!r}, those nearest on map {other!r} too"
    )
    return Coloring(
        f"kept:{other}",
        f"neighbors kept on {other}",
        "number",
        codes,
        low=0.0,
        high=float(k),
        whole=True,
        note=note,
        out_of=k,
    )

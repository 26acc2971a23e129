"""The scores of a map: what it keeps of the articles' own neighborhoods, and how evenly they fill it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import vector_hashes
from vecindex.core.neighbors import F64, Neighbors, Rows
from vecindex.core.nulls import Interval, mean_of_shares
from vecindex.core.overlap import overlap_at_k
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ties import settled
from vecindex.types import Observer, Stage
from vecindex.verbs.scores.evenness import Evenness, map_evenness
from vecindex.verbs.scores.fidelity import DEPTH, Fidelity, FidelitySearch

STAGE = "scores"
SAMPLE = 5_000
RECALL_AT = (5, 10, 50)
K = 5
"""Neighbors that trustworthiness and continuity look at."""
_BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class MapScores:
    """How good a map is for its own articles.

    Attributes
    ----------
    articles : on the map; all of them are candidates.
    sample : how many were asked for their neighbors.
    recall : under each k, the mean share of the k nearest in embedding space that are among the k nearest on the map,
        with its interval. Of both sides only articles on the map count. One as near as the k-th is among the k. None
        for a k that is not below the number of other articles, which all maps keep whole.
    duplicates : articles whose vector is that of another one as well.
    fidelity : trustworthiness, continuity and the curve over k, adjusted for chance, of the same articles.
    evenness : how evenly the articles fill the map; None where it has no area.
    """

    articles: int
    sample: int
    recall: dict[int, Interval | None]
    duplicates: int
    fidelity: Fidelity
    evenness: Evenness | None


def score_map(vectors: F32, xy: F64, *, sample: int, seed: int, observer: Observer) -> MapScores:
    """Return the scores of a map of articles.

    Neighbors in embedding space are exact, over all articles of the map, in blocks.

    Parameters
    ----------
    vectors : (n, d) unit vectors of the articles on the map.
    xy : (n, 2) their positions, finite.
    """
    rng = np.random.default_rng(seed)
    asked: Rows = np.sort(rng.permutation(len(xy))[:sample])
    return score_plane(vectors, Plane(xy), asked, seed=seed, observer=observer)[1]


def score_plane(
    vectors: F32, plane: Plane, asked: Rows, *, seed: int, observer: Observer
) -> tuple[Neighbors, MapScores]:
    """Return the true neighbors of some articles among all, as `true_neighbors`, and with them the map's scores."""
    blocks = _blocks(vectors, observer)
    true, _, scores = scored(blocks, lambda rows: vectors[rows], plane, asked, seed=seed)
    return true, scores


def scored(
    blocks: Iterable[tuple[Rows, F32]], vectors_of: Callable[[Rows], F32], plane: Plane, asked: Rows, *, seed: int
) -> tuple[Neighbors, dict[int, F64], MapScores]:
    """Return true neighbors and scores as `score_plane` does, of vectors that need not be in memory.

    Between the two the recall of each asked article, (s,) under each k.

    Parameters
    ----------
    blocks : the rows and vectors of all articles on the map, a part at a time.
    vectors_of : gives the vectors of some rows, ascending.
    """
    own = vectors_of(asked)
    near = _search(own, asked, len(plane))
    faithful = FidelitySearch(asked, own, {"": plane}, K, lambda rows: (rows, vectors_of(rows)), seed, near)
    hashes = np.empty(len(plane), dtype="S16")
    at = 0
    for rows, block in blocks:
        near.add(rows, block)
        faithful.add(rows, block)
        hashes[at : at + len(rows)] = vector_hashes(block)
        at += len(rows)
    true = near.result()
    kept = _recalls(plane, asked, true, own, vectors_of)
    return (
        true,
        kept,
        MapScores(
            articles=len(plane),
            sample=len(asked),
            recall={k: mean_of_shares(kept[k], seed=seed) if k in kept else None for k in RECALL_AT},
            duplicates=_repeated(hashes),
            fidelity=faithful.result()[""],
            evenness=map_evenness(plane, seed),
        ),
    )


def count_duplicates(vectors: F32) -> int:
    """Return how many of the vectors (n, d) are not the only ones of their values.

    >>> count_duplicates(np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32))
    2
    """
    return _repeated(np.array(vector_hashes(vectors), dtype="S16"))


def _repeated(hashes: npt.NDArray[np.bytes_]) -> int:
    _, counts = np.unique(hashes, return_counts=True)
    return int(counts[counts > 1].sum())


def true_neighbors(vectors: F32, asked: Rows, observer: Observer) -> Neighbors:
    """Return the nearest others of some articles among all, exact; (len(asked), 51), or n - 1 where that is less."""
    search = _search(vectors[asked], asked, len(vectors))
    for rows, block in _blocks(vectors, observer):
        search.add(rows, block)
    return search.result()


def _search(own: F32, asked: Rows, n: int) -> ExactSearch:
    # One more than counts, as `settled` wants.
    return ExactSearch(own, min(max(DEPTH, *RECALL_AT) + 1, n - 1), without=asked)


def _blocks(vectors: F32, observer: Observer) -> Iterator[tuple[Rows, F32]]:
    for at in range(0, len(vectors), _BLOCK):
        observer.stage(Stage(STAGE, at, len(vectors)))
        block = vectors[at : at + _BLOCK]
        yield np.arange(at, at + len(block)), block
    observer.stage(Stage(STAGE, len(vectors), len(vectors)))


def recalls_on(plane: Plane, asked: Rows, true: Neighbors, vectors: F32) -> dict[int, F64]:
    """Return for each k the recall of some articles on a map, from their true neighbors; `vectors` are all (n, d).

    No k is among them that is not below the number of other articles.
    """
    return _recalls(plane, asked, true, vectors[asked], lambda rows: vectors[rows])


def _recalls(
    plane: Plane, asked: Rows, true: Neighbors, own: F32, vectors_of: Callable[[Rows], F32]
) -> dict[int, F64]:
    at = plane.xy[asked]
    found = plane.nearest(at, true.k, without=asked)
    true, found = settled(true, found, at, plane, own, lambda rows: (rows, vectors_of(rows)))
    return {k: overlap_at_k(true.rows, found.rows, k) for k in RECALL_AT if k < len(plane) - 1}

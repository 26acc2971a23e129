"""How faithful stored maps are to the articles: ranks of sampled articles' neighbors, counted over all articles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.nulls import Interval, bootstrap_mean, mean_of_shares
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch, cosine_distances
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ranks import RankCount
from vecindex.neighbors.ties import LookUp, settled
from vecindex.verbs.scores.curves import area_over_log_k, continuity, overlap_curve, rnx_curve, trustworthiness

DEPTH = 50
"""Neighbors of each sampled article that the curve goes through."""
CURVE = (1, 5, 10, 20, 50)
RANKED = 250
"""Sampled articles, at most, whose neighbors' ranks are counted."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How faithful a map is to its articles, over sampled ones with all articles on the map as reference.

    Attributes
    ----------
    articles, ranked : sampled articles on the map; of these, those for trustworthiness and continuity.
    trustworthiness, continuity : at k; see `verbs.scores.curves`. 1 is perfect, a random map gives about 0.5. None
        where k is not below half the number of articles: the formula is made for such k.
    rnx : overlap of the articles' own neighbors adjusted for chance, at several k up to `depth`: 0 is chance.
    rnx_area : area under that curve over log k, from 1 to `depth`; None where `depth` is 0.
    depth : no k that counts all other articles is among them, for then nothing can be missed.
    """

    articles: int
    ranked: int
    k: int
    trustworthiness: Interval | None
    continuity: Interval | None
    depth: int
    rnx: dict[int, Interval]
    rnx_area: Interval | None


class FidelitySearch:
    """Measures maps by sampled articles, in the one pass over the vectors that is made anyway.

    Reference are the articles on the map, in both spaces: all of them, never a sample. Rows are counted by
    themselves, chunks too, since it is rows that the map shows. Memory is O(s (50 + k maps + d)).
    """

    def __init__(
        self,
        sample: Rows,
        vectors: F32,
        planes: Mapping[str, Plane],
        k: int,
        vectors_of: LookUp,
        seed: int,
        own: ExactSearch | None = None,
    ) -> None:
        """Find the sampled articles' neighbors on the maps.

        Parameters
        ----------
        sample, vectors : rows (s,), ascending, and their unit vectors (s, d).
        k : neighbors that trustworthiness and continuity look at.
        vectors_of : gives rows, ascending, with their vectors.
        own : a search of the sample over the whole table, at least 51 deep, every row counted by itself. It serves
            for the maps that show every row, and is given its blocks by the caller.
        """
        self._seed, self._look_up = seed, vectors_of
        ranked = np.sort(np.random.default_rng(seed).permutation(sample)[:RANKED])
        found = [_Sampled.on(name, plane.of_points(), sample, ranked, k) for name, plane in planes.items()]
        found = [m for m in found if m.k >= 1 and len(m.rows)]
        none = np.empty(0, np.int64)
        wanted = np.unique(np.concatenate([none, *(m.ranked_lists.ravel() for m in found)]))
        looked_up = vectors_of(wanted[wanted != NO_ROW])
        by_positions: dict[bytes, list[_Sampled]] = {}
        for one in found:
            by_positions.setdefault(one.there.tobytes(), []).append(one)
        self._references = []
        for alike in by_positions.values():
            mine = vectors[np.searchsorted(sample, alike[0].rows)]
            self._references.append(_Reference(alike, mine, looked_up, own if alike[0].there.all() else None))

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block: rows (b,) and their unit vectors (b, d)."""
        for reference in self._references:
            reference.add(rows, vectors)

    def result(self) -> dict[str, Fidelity]:
        """Return the figures of each map that at least two articles, one of them sampled, are on."""
        found = {}
        for reference in self._references:
            near = reference.search.result()
            for one, ranks in zip(reference.maps, reference.ranks(), strict=True):
                lists = near.first(one.found.k + 1), one.found
                true, on_map = settled(*lists, one.plane.xy[one.rows], one.plane, reference.vectors, self._look_up)
                found[one.name] = _figures(one, true.rows, on_map.rows, ranks, self._seed)
        return found


@dataclass(frozen=True, slots=True)
class _Sampled:
    """The sampled articles on one map.

    `rows` (s,) and their map neighbors `found` (s, depth); indices `ranked` into them of those whose neighbors' ranks
    are counted; `there` (n,), which rows are on the map.
    """

    name: str
    plane: Plane
    rows: Rows
    found: Neighbors
    ranked: Rows
    there: Mask
    k: int

    @property
    def ranked_lists(self) -> Rows:
        return self.found.rows[self.ranked, : self.k]

    @classmethod
    def on(cls, name: str, plane: Plane, sample: Rows, ranked: Rows, k: int) -> _Sampled:
        there = np.zeros(len(plane.xy), dtype=np.bool_)
        there[plane.rows] = True
        rows = sample[there[sample]]
        depth = max(0, min(max(DEPTH, k), len(plane) - 1))
        found = plane.nearest(plane.xy[rows], max(1, depth), without=rows)
        chosen = np.flatnonzero(np.isin(rows, ranked))
        return cls(name, plane, rows, found.first(depth), chosen, there, min(k, depth))


class _Reference:
    """Maps that show the same articles, and the search among these."""

    def __init__(
        self, maps: list[_Sampled], vectors: F32, looked_up: tuple[Rows, F32], search: ExactSearch | None
    ) -> None:
        first = maps[0]
        self.maps, self.vectors = maps, vectors
        self.search = search or ExactSearch(vectors, first.found.k + 1, without=first.rows)
        self._fed_here = search is None
        others = np.concatenate([m.ranked_lists for m in maps], axis=1)
        mine, (known, known_vectors) = vectors[first.ranked], looked_up
        dist = np.full(others.shape, np.inf)
        i, j = np.nonzero(others != NO_ROW)
        dist[i, j] = cosine_distances(mine, i, known_vectors, np.searchsorted(known, others[i, j]))
        self._count = RankCount(first.rows[first.ranked], mine, others, dist)

    def add(self, rows: Rows, vectors: F32) -> None:
        there = self.maps[0].there
        if not there.all():
            kept = there[rows]
            rows, vectors = rows[kept], vectors[kept]
        if self._fed_here:
            self.search.add(rows, vectors)
        self._count.add(rows, vectors)

    def ranks(self) -> list[Rows]:
        """Return, for each map, the ranks in embedding space of its neighbors."""
        cuts = np.cumsum([m.k for m in self.maps])[:-1]
        return list(np.split(self._count.result(), cuts, axis=1))


def _figures(one: _Sampled, true: Rows, on_map: Rows, space_ranks: Rows, seed: int) -> Fidelity:
    n = len(one.plane)
    depth = min(one.found.k, n - 2)
    curve = rnx_curve(overlap_curve(true[:, :depth], on_map[:, :depth]), n) if depth else np.empty((len(true), 0))
    local = 2 * one.k < n
    map_ranks = one.plane.ranks(one.rows[one.ranked], true[one.ranked, : one.k])

    def mean(values: F64, of: Callable[..., Interval] = bootstrap_mean) -> Interval:
        return of(values[np.isfinite(values)], seed=seed)

    return Fidelity(
        articles=len(one.rows),
        ranked=len(one.ranked),
        k=one.k,
        trustworthiness=mean(trustworthiness(space_ranks, n), mean_of_shares) if local else None,
        continuity=mean(continuity(map_ranks, n), mean_of_shares) if local else None,
        depth=depth,
        rnx={at: mean(curve[:, at - 1]) for at in sorted({*CURVE, one.k, depth}) if at <= depth},
        rnx_area=mean(area_over_log_k(curve)) if depth else None,
    )

"""What a map keeps of a ranker's hits, and of which of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors
from vecindex.core.nulls import mean_of_differences, mean_of_shares
from vecindex.core.overlap import found_in, overlap_at_k
from vecindex.messages import percent
from vecindex.neighbors.exact import cosine_distances
from vecindex.neighbors.plane import Plane
from vecindex.verbs.overlap.measure import Mask, Placed, Space, VectorsOf, place_all
from vecindex.verbs.overlap.question import RankedFacts, RankedOnMap
from vecindex.verbs.overlap.result import MapOverlap
from vecindex.verbs.overlap.space import known

NOTE = (
    "Hubs, coverage and style are about distances of vectors, and whether the right articles are found is what an "
    "evaluation measures: these causes were not looked for."
)


def in_space(space: Space) -> F64:
    """Return of each question the share of the ranker's first k that are among the k nearest by vectors, (q,)."""
    assert space.meant is not None, "asked of a ranker's hits only"
    k = space.k
    return overlap_at_k(space.counted(space.near.rows[:, :k]), space.counted(space.meant.rows[:, :k]), k)


def hit_distances(space: Space, vectors_of: VectorsOf) -> Neighbors:
    """Return the ranker's first k in its order, with the distance of each vector to the question's, (q, k)."""
    rows = space.near.rows[:, : space.k]
    dist = np.full(rows.shape, np.inf)
    query, column = np.nonzero(rows != NO_ROW)
    some, at = np.unique(rows[query, column], return_inverse=True)
    if len(some):
        dist[query, column] = cosine_distances(space.vectors, query, vectors_of(some), at)
    return Neighbors(rows, dist)


def ranked_facts(space: Space, ranker: str) -> RankedFacts | None:
    """Return how the ranker's hits lie in embedding space; None of the nearest by vectors."""
    if space.meant is None:
        return None
    short = int((space.near.rows[:, : space.k] == NO_ROW).any(axis=1).sum())
    found = mean_of_shares(in_space(space), seed=space.seed)
    amount, whose = f"{space.k * found.mean:.1f}", "a question's"
    if len(space.vectors) == 1:
        amount, whose = f"{space.k * found.mean:.0f}", "the question's"
    lie = f"Of {whose} first {space.k} hits by {ranker}, {amount} are"
    return RankedFacts(ranker, found, short, f"{lie} among its {space.k} nearest in embedding space.", NOTE)


def with_maps(ranked: RankedFacts | None, measured: Sequence[MapOverlap]) -> RankedFacts | None:
    """Return the facts with what the first of the measured maps keeps of the nearest by vectors, in words."""
    on_map = measured[0].ranked if measured else None
    if ranked is None or on_map is None:
        return ranked
    change = on_map.change
    points = f"{abs(100 * change.mean):.0f} points {'more' if change.mean > 0 else 'less'}"
    ends = "" if np.isnan(change.low) else f" ({100 * change.low:+.0f} to {100 * change.high:+.0f})"
    said = f"By meaning the map keeps {percent(on_map.by_meaning.mean)}; of this ranking it keeps {points}{ends}."
    return replace(ranked, summary=f"{ranked.summary} {said}")


def name_of(ranked: RankedFacts | None) -> str | None:
    """Return the ranker's name; None where the nearest by vectors are measured."""
    return None if ranked is None else ranked.ranker


def ranked_on_map(space: Space, by_vectors: Space, plane: Plane, placed: Placed) -> RankedOnMap | None:
    """Return what the map keeps of a ranker's hits, by whether they are near, and of the nearest by vectors.

    None of these themselves. `placed` are the questions at the best positions for the ranker's hits; for the nearest
    by vectors they are placed again, as an overlap without a ranker would.
    """
    if space.meant is None:
        return None
    k = space.k
    hits = space.counted(space.near.rows[:, :k])
    kept = found_in(hits, space.counted(placed.near.rows[:, :k]))
    near, there = found_in(hits, space.counted(by_vectors.near.rows[:, :k])), hits != NO_ROW
    meant = place_all(plane, by_vectors)[0]
    own = overlap_at_k(space.counted(meant.true.rows), space.counted(meant.near.rows), k)
    mine = overlap_at_k(space.counted(placed.true.rows), space.counted(placed.near.rows), k)
    return RankedOnMap(
        by_meaning=mean_of_shares(own, seed=space.seed),
        change=mean_of_differences(mine - own),
        near_kept=_share(kept, near & there),
        far_kept=_share(kept, ~near & there),
        lost_far=_share(~near, ~kept & there),
    )


def _share(these: Mask, of: Mask) -> float | None:
    return known(float(these[of].mean())) if of.any() else None

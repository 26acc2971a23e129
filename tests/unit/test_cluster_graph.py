"""How the work of a neighbor graph is cut into pieces for workers: every pair once, never more than a piece holds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tables import unit_vectors
from vecindex.neighbors.graph import Clusters, nearest_centers
from vecindex.verbs.cluster.graph import divided, nearby, units


def clusters_of(n: int, count: int, probes: int, seed: int = 0) -> Clusters:
    vectors, centers = unit_vectors(n, seed=seed), unit_vectors(count, seed=seed + 1)
    return Clusters(centers, nearest_centers(vectors, centers, probes))


def pairs_of(clusters: Clusters) -> Counter[tuple[int, int]]:
    """Return how often each asker meets each member, by definition: once for each cluster that it looks into."""
    own = clusters.nearest[:, 0]
    return Counter(
        (asker, int(member))
        for asker, probed in enumerate(clusters.nearest)
        for cluster in probed
        for member in np.flatnonzero(own == cluster)
    )


@pytest.mark.parametrize(
    ("n", "count", "probes", "most"), [(60, 8, 3, 20), (60, 8, 3, 1_000), (50, 2, 2, 7), (9, 9, 1, 2)]
)
def test_pieces_have_every_pair_once(n: int, count: int, probes: int, most: int) -> None:
    clusters = clusters_of(n, count, probes)
    found: Counter[tuple[int, int]] = Counter()
    for some, pairs, done in units(clusters, most):
        assert len(some) <= most
        assert (np.diff(some) > 0).all()
        assert done <= count
        for askers, members in pairs:
            found.update((int(some[a]), int(some[m])) for a in askers for m in members)
    assert found == pairs_of(clusters)


def test_a_cluster_of_nobody_is_no_work() -> None:
    clusters = Clusters(unit_vectors(3), np.array([[0], [0]]))
    assert [(some.tolist(), len(pairs), done) for some, pairs, done in units(clusters, 10)] == [([0, 1], 1, 3)]
    assert list(divided(np.array([1], dtype=np.int32), np.array([], dtype=np.int32), 4)) == []


def test_centers_near_each_other_stand_together() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(8), 16)[rng.permutation(128)]
    centers = (unit_vectors(8, 24)[group] + 0.05 * rng.standard_normal((128, 24))).astype(np.float32)
    order = nearby(centers)
    assert sorted(order.tolist()) == list(range(128))
    # 7 steps from one group to another are the least; by chance there are 112.
    assert int((np.diff(group[order]) != 0).sum()) <= 30


def test_equal_centers_have_an_order() -> None:
    assert sorted(nearby(np.ones((9, 4), dtype=np.float32)).tolist()) == list(range(9))

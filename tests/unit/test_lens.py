"""The lens: the question's nearest in their order, and neighbors of each other near each other."""

from __future__ import annotations

import numpy as np
import pytest

from tables import unit_vectors
from vecindex.maps.lens import Lens, lens


def around(m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the m nearest (m, d) of 400 vectors to another one, and their cosine distances."""
    vectors = unit_vectors(401, 12, seed=seed)
    dist = 1 - vectors[1:] @ vectors[0]
    order = np.argsort(dist)[:m]
    return vectors[1:][order], dist[order].astype(np.float64)


def mutual(vectors: np.ndarray, positions: np.ndarray) -> float:
    """Return the share of each one's 5 nearest that it keeps, by sorting everything."""
    sims, dist = vectors @ vectors.T, ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    np.fill_diagonal(sims, -np.inf)
    np.fill_diagonal(dist, np.inf)
    pairs = zip(np.argsort(-sims, axis=1)[:, :5], np.argsort(dist, axis=1)[:, :5], strict=True)
    return float(np.mean([len(set(a) & set(b)) / 5 for a, b in pairs]))


@pytest.mark.parametrize("m", [30, 50])
def test_the_nearest_are_the_nearest_and_friends_lie_together(m: int) -> None:
    vectors, dist = around(m)
    found = lens(vectors, dist, seed=1)
    far = np.hypot(*found.positions.T)
    assert (np.diff(far) > 0).all()
    assert (far[0], far[-1]) == (pytest.approx(0.25), pytest.approx(1))
    # The distance from the middle is that in embedding space, but for where it begins and its unit.
    assert np.corrcoef(far, dist)[0, 1] > 0.99999
    assert found.mutual == pytest.approx(mutual(vectors, found.positions))
    turned = np.random.default_rng(0).random(m) * 2 * np.pi
    assert found.mutual > mutual(vectors, far[:, None] * np.stack([np.cos(turned), np.sin(turned)], axis=1)) + 0.2
    assert (lens(vectors, dist, seed=1).positions == found.positions).all()


def test_it_begins_from_a_map() -> None:
    vectors, dist = around(30)
    start = np.random.default_rng(3).normal(size=(30, 2))
    assert lens(vectors, dist, start=start).mutual > 0.3
    nowhere = np.full((30, 2), np.nan)
    assert (lens(vectors, dist, start=nowhere).positions == lens(vectors, dist).positions).all()


@pytest.mark.parametrize("m", [1, 2, 3, 7])
def test_few(m: int) -> None:
    found = lens(*around(m))
    assert isinstance(found, Lens)
    assert found.positions.shape == (m, 2)
    assert (np.diff(np.hypot(*found.positions.T)) > 0).all()
    assert 0 <= found.mutual <= 1


def test_equal_articles_are_told_apart_by_their_order() -> None:
    vectors = np.repeat(unit_vectors(1, 12), 6, axis=0)
    far = np.hypot(*lens(vectors, np.full(6, 0.3)).positions.T)
    assert (np.diff(far) > 0).all()

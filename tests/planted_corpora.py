"""Corpora of our own making, each with one cause of a low overlap planted in it, and a map of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vecindex.core.vectors import normalize

N, Q, D = 300, 40, 16


@dataclass(frozen=True)
class Corpus:
    """Articles (n, d) and questions (q, d) as vectors, positions on a map (n, 2), and the right answers' ids."""

    articles: np.ndarray
    questions: np.ndarray
    xy: np.ndarray
    answers: list[str] | None = None


def random() -> np.random.Generator:
    return np.random.default_rng(7)


def on_a_sheet(xy: np.ndarray) -> np.ndarray:
    """Return unit vectors (n, D) whose neighbors are those of the points in the plane."""
    vectors = np.zeros((len(xy), D))
    vectors[:, :2], vectors[:, 2] = 2 * xy, 1.0
    return normalize(vectors)


def spread(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.random((n, 2)) * 2 - 1


def healthy() -> Corpus:
    rng = random()
    xy = spread(rng, N)
    return Corpus(on_a_sheet(xy), on_a_sheet(spread(rng, Q)), xy)


def shuffled_map() -> Corpus:
    rng = random()
    xy = spread(rng, N)
    return Corpus(on_a_sheet(xy), on_a_sheet(spread(rng, Q)), rng.permutation(xy))


def near_duplicates() -> Corpus:
    """Each text 30 times, with a letter changed: which five of the thirty a list holds is chance."""
    rng = random()
    xy = np.repeat(spread(rng, N // 30), 30, axis=0)
    articles = normalize(on_a_sheet(xy) + 1e-4 * rng.normal(size=(N, D)))
    questions = normalize(on_a_sheet(xy[:: N // Q]) + 1e-2 * rng.normal(size=(len(xy[:: N // Q]), D)))
    return Corpus(articles, questions, xy + 0.001 * rng.normal(size=(N, 2)))


def hubs() -> Corpus:
    """All texts have something in common, and five hold nothing but that."""
    rng = random()
    common = np.eye(64)[0] * 1.5
    articles = common + rng.normal(size=(N, 64)) / 4
    articles[:5] = common + rng.normal(size=(5, 64)) / 40
    questions = common + rng.normal(size=(Q, 64)) / 4
    return Corpus(articles, questions, normalize(articles)[:, 1:3])


def style_gap() -> Corpus:
    """Each question is its article, worded as no article is; the answers are there and are found."""
    xy = spread(random(), N)
    articles = on_a_sheet(xy)
    worded = articles[:Q].copy()
    worded[:, 5] = 1.0
    return Corpus(articles, normalize(worded), xy, [f"a{i:05d}" for i in range(Q)])


def missing_topic(answered: bool = False) -> Corpus:
    rng = random()
    xy = spread(rng, N)
    elsewhere = 0.3 * on_a_sheet(spread(rng, Q))
    elsewhere[:, 6:9] = rng.normal(size=(Q, 3)) * 0.2 + 1
    return Corpus(on_a_sheet(xy), normalize(elsewhere), xy, [f"gone{i}" for i in range(Q)] if answered else None)


def missing_answers() -> Corpus:
    """The right articles are in the table, and far from the questions."""
    rng = random()
    xy = spread(rng, N)
    return Corpus(on_a_sheet(xy), on_a_sheet(spread(rng, Q)), xy, [f"a{i:05d}" for i in rng.permutation(N)[:Q]])


def projection() -> Corpus:
    """Thirty clusters in 12 dimensions; two of them keep the clusters but not the neighbors."""
    rng = random()
    centers = rng.normal(size=(30, D))
    points = normalize(centers[rng.integers(0, 30, N + Q)] + 0.5 * rng.normal(size=(N + Q, D)))
    return Corpus(points[:N], points[N:], points[:N, :2])


def noise() -> Corpus:
    """Two of sixteen dimensions of pure noise."""
    points = normalize(random().normal(size=(N + Q, D)))
    return Corpus(points[:N], points[N:], points[:N, :2])


def scattered() -> tuple[Corpus, np.ndarray]:
    """Return 50 clusters of 6 articles, and the five nearest articles of each question (q, 5).

    An article is sqrt(.4) of its cluster and sqrt(.6) of its own: the cosine of two in a cluster is 0.4, of others 0.
    The map has each cluster in one spot, so the articles keep all of their five neighbors. A question is the sum of
    two articles of one cluster and one of each of three others. Its cosine to the two is 1.4 / sqrt(5.8) = 0.58, to
    the three 0.42, to others of the first cluster 0.33: these five are its nearest.
    """
    of, own = np.arange(N) // 6, np.eye(N)
    articles = np.sqrt(0.4) * np.eye(50)[of] @ np.eye(50, N + 50) + np.sqrt(0.6) * own @ np.eye(N, N + 50, 50)
    xy = np.stack([of % 10 + 0.01 * (np.arange(N) % 6), of // 10], axis=1)
    first = 30 + 6 * np.arange(Q)
    five = np.stack([first, first + 1, *(30 + (first - 30 + 6 * step + 2) % 270 for step in (11, 17, 23))], axis=1)
    return Corpus(articles, normalize(articles[five].sum(axis=1)), xy), five


def outside() -> Corpus:
    """Two thirds of the articles are not on the map."""
    found = healthy()
    xy = found.xy.copy()
    xy[np.arange(N) % 3 > 0] = np.nan
    return Corpus(found.articles, found.questions, xy)


ALL: dict[str, Callable[[], Any]] = {
    "healthy": healthy,
    "stale map": shuffled_map,
    "near-duplicates": near_duplicates,
    "hubs": hubs,
    "style gap": style_gap,
    "coverage": lambda: missing_topic(answered=True),
    "coverage or style gap": missing_topic,
    "answers not found": missing_answers,
    "projection capacity": projection,
    "projection capacity, of noise": noise,
    "scattered neighbors": lambda: scattered()[0],
    "placement": outside,
}
"""By the cause that is named first."""

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
    """Articles (n, d) and questions (q, d) as vectors, positions on a map (n, 2), and the right answers' ids.

    `truncated` says that the model did not read the articles to their end.
    """

    articles: np.ndarray
    questions: np.ndarray
    xy: np.ndarray
    answers: list[str] | None = None
    truncated: bool = False


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


def rings() -> Corpus:
    """Return 20 rings of 15 articles, and a map of them without questions.

    An article is sqrt(0.3) of its ring, sqrt(0.1) of its angle on it and sqrt(0.6) of its own. So the cosine of two
    on a ring is 0.3 + 0.1 cos(angle between them), of others 0: all on a ring are near to each other, those next to
    each other nearest. The map shows the rings as they are.
    """
    of, place = np.divmod(np.arange(N), 15)
    angle = 2 * np.pi * place / 15
    plane = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    articles = np.zeros((N, N + 60))
    articles[np.arange(N), np.arange(N)] = np.sqrt(0.6)
    articles[np.arange(N), N + of] = np.sqrt(0.3)
    for axis in (0, 1):
        articles[np.arange(N), N + 20 + 2 * of + axis] = np.sqrt(0.1) * plane[:, axis]
    return Corpus(articles, np.empty((0, N + 60)), 10 * np.stack([of % 5, of // 5], axis=1) + plane)


def on_rings(nearest: np.ndarray, **more: Any) -> Corpus:
    """Return the rings with questions that are the sum of five articles (q, 5), which are its nearest."""
    found = rings()
    return Corpus(found.articles, normalize(found.articles[nearest].sum(axis=1)), found.xy, **more)


def broad() -> Corpus:
    """Each question asks for three things of one ring, a third of it apart, and for two others.

    Its cosine to the three is (1 + 2 x 0.25) / sqrt(6.5) = 0.59, to the two 1 / sqrt(6.5) = 0.39, to others of the
    ring 0.9 / sqrt(6.5) = 0.35. Around one spot of the map lie two of the three at most.
    """
    ring, place = np.divmod(np.arange(Q), 5)
    three = [15 * ring + place + step for step in (0, 5, 10)]
    two = [15 * (ring + step) % N + place for step in (9, 11)]
    return on_rings(np.stack([*three, *two], axis=1))


def unexplained() -> Corpus:
    """Each question asks for five articles all around one ring: near to each other, and not next to each other.

    The model did not read the articles to their end, which may be a cause and may be none.

    Its cosine to the five is (1 + 4 x 0.275) / sqrt(10.5) = 0.65, to others of the ring 1.5 / sqrt(10.5) = 0.46.
    """
    ring, place = np.divmod(np.arange(Q), 3)
    return on_rings(np.stack([15 * ring + place + step for step in range(0, 15, 3)], axis=1), truncated=True)


def shared_neighbors() -> Corpus:
    """All questions have the five nearest of the first of `scattered`, and most of each is something of its own.

    A question is the sum of five articles, two of which are near to each other, and sqrt(6) of its own. Its cosine
    to the two is 1.4 / sqrt(11.8) = 0.41, to the three 1 / sqrt(11.8) = 0.29, to others 0.8 / sqrt(11.8) = 0.23.
    """
    found, five = scattered()
    articles = np.pad(found.articles, ((0, 0), (0, Q)))
    own = np.sqrt(6) * np.eye(Q, articles.shape[1], articles.shape[1] - Q)
    return Corpus(articles, normalize(articles[five[0]].sum(axis=0) + own), found.xy)


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
    "collapse onto shared neighbors": shared_neighbors,
    "broad questions": broad,
    "unexplained": unexplained,
}
"""By the cause that is named first."""

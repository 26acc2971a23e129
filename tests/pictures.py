"""Small pictures of maps, of plain values."""

from __future__ import annotations

from typing import Any

import numpy as np

from vecindex.core.picture import Coloring, MapPicture, MapScore, NearArticle, PlacedQuestion, TopicLabel

HOSTILE = "</script><script>alert(1)</script>\x00\ud800\u202e\" onload='x' $x$ &amp;"


def picture(n: int = 40, seed: int = 0, **changes: Any) -> MapPicture:
    """Return a picture of n articles in two topics, with a number to color by and a question."""
    rng = np.random.default_rng(seed)
    which = np.arange(n) % 2
    xy = rng.normal(size=(n, 2)) + 6.0 * which[:, None]
    counts = (int((which == 0).sum()), int((which == 1).sum()))
    values: dict[str, Any] = {
        "table": "articles",
        "version": 7,
        "map": "map",
        "method": "local",
        "made": "2026-11-22T22:00:51+00:00",
        "model": "some-model",
        "by": "article",
        "articles": n + 3,
        "anchored": None,
        "scores": (MapScore("recall@5", 0.5534, 0.5464, 0.5605),),
        "xy": xy,
        "ids": [f"a{i}" for i in range(n)],
        "titles": [f"Title {i}" for i in range(n)],
        "snippets": [f"Text of {i}" for i in range(n)],
        "colorings": (
            Coloring("topic", "topic", "category", which.astype(np.uint8), ("cells, protein", "trains"), counts),
            Coloring("field:year", "year", "number", (np.arange(n) % 255).astype(np.uint8), low=1900.0, high=2000.0),
        ),
        "topics": (
            TopicLabel("cells, protein", *(float(v) for v in xy[0]), counts[0], 0, 0),
            TopicLabel("trains", *(float(v) for v in xy[-1]), counts[1], 0, 1),
        ),
        "questions": (
            PlacedQuestion(
                "q1",
                "how do cells die",
                None,
                float(xy[0, 0]),
                float(xy[0, 1]),
                0.5,
                (NearArticle(0, 0.1, True), NearArticle(None, 0.2, False)),
                (0, 2),
            ),
        ),
        "questions_name": "questions.jsonl",
        "k": 2,
    }
    return MapPicture(**{**values, **changes})

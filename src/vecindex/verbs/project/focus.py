"""A map of the articles nearest to some questions: which they are, and what is stored of the questions."""

from __future__ import annotations

from typing import Any

import numpy as np

from vecindex.core.anchors import set_digest, text_digest
from vecindex.core.neighbors import Rows
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.serialize import plain
from vecindex.verbs.project.result import FocusCover

COVER_AT = (5, 50)


def focus_kept(focus: FocusCover | None, asked: tuple[QuestionSet, F32] | None) -> dict[str, Any] | None:
    """Return what is stored of a focus: what it leaves out, and what its questions are known by."""
    if focus is None or asked is None:
        return None
    return {**plain(focus), "set": set_digest({text_digest(one.text) for one in asked[0].questions})}


def nearest_articles(questions: F32, vectors: F32, size: int) -> tuple[Rows, dict[int, float]]:
    """Return the rows of the `size` articles nearest to some questions, ascending; all where there are not more.

    With it, under each k, the share of the questions' k nearest that are among them.

    Each article counts by its best rank among all questions' neighbors, so that no question is left with nothing
    because others lie nearer to their articles; ties by its nearest question, then by row. Memory is O(n).

    Parameters
    ----------
    questions, vectors : (q, d) and (n, d) unit vectors.
    """
    best = np.full(len(vectors), len(vectors), dtype=np.int64)
    nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
    deep = min(max(size, *COVER_AT), len(vectors))
    top: list[Rows] = []
    for question in questions:
        sims = vectors @ question
        order = np.argpartition(-sims, deep - 1)[:deep]
        order = order[np.lexsort((order, -sims[order]))]
        best[order] = np.minimum(best[order], np.arange(deep))
        np.maximum(nearest, sims, out=nearest)
        top.append(order[: max(COVER_AT)])
    chosen = np.sort(np.lexsort((np.arange(len(vectors)), -nearest, best))[:size])
    found = [np.isin(order, chosen) for order in top]
    return chosen, {k: float(np.mean([hit[:k].mean() for hit in found])) for k in COVER_AT}

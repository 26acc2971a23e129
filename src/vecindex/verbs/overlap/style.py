"""How differently questions and articles lie in embedding space: evidence for a gap of style."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.verbs.overlap.result import Style
from vecindex.verbs.overlap.space import cohesion
from vecindex.verbs.overlap.style_measures import centroid_cosine, centroid_gap, held_out_auc


def style_of(
    questions: F32, near: Neighbors, articles: F32, own: F64, vectors_of: Callable[[Rows], F32], seed: int
) -> Style:
    """Return the figures of questions (q, d) with their `near` articles (q, k) against sampled articles (s, d).

    `own` are the distances of sampled articles to their nearest other ones, `vectors_of` gives those of the rows in
    `near`.
    """
    # A target is held out together with the first question that has it, so that no topic is on both sides.
    rows, first = np.unique(near.rows, return_index=True)
    of_question = first[rows != NO_ROW] // near.k
    targets = vectors_of(rows[rows != NO_ROW])
    return Style(
        gap=centroid_gap(questions, articles),
        centroid_cosine=centroid_cosine(questions, articles),
        question_question=cohesion(questions),
        question_article=1.0 - float(near.dist[:, 0].mean()),
        article_article=1.0 - float(own.mean()) if len(own) else float("nan"),
        auc=_known(held_out_auc(questions, articles, seed=seed)),
        auc_near=_known(held_out_auc(questions, targets, (np.arange(len(questions)), of_question), seed)),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value

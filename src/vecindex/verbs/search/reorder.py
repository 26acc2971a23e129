"""What may follow a first list of hits: a cross-encoder orders the first of them again, and alike ones are spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.search import Found
from vecindex.verbs.search.diverse import by_marginal_relevance, distinct, on_scale

if TYPE_CHECKING:
    from vecindex.embed.rerank.cross_encoder import Reranker
    from vecindex.verbs.search.finder import Query


def passage(found: Found) -> str:
    """Return what a cross-encoder reads of a hit: its text, behind its title where the text does not begin with it.

    >>> passage(Found({"title": "Cell", "text": "The unit of life."}))
    'Cell. The unit of life.'
    """
    title, words = found.row.get("title") or "", found.row.get("text") or ""
    return words if not title or words.startswith(title) else f"{title}. {words}"


def reranked(
    reranker: Reranker, queries: Sequence[Query], lists: Sequence[list[Found]], depth: int
) -> list[list[Found]]:
    """Return the lists with their first `depth` hits ordered by a cross-encoder's score, the others behind them.

    The best score is first; equal ones keep their order. The hits bring their texts.
    """
    pairs = [
        (query.text or "", passage(hit)) for query, hits in zip(queries, lists, strict=True) for hit in hits[:depth]
    ]
    scores = iter(reranker.scores(pairs).tolist())
    found = []
    for hits in lists:
        first = [replace(hit, score=next(scores)) for hit in hits[:depth]]
        found.append([*sorted(first, key=lambda hit: -(hit.score or 0.0)), *hits[depth:]])
    return found


@dataclass(frozen=True, slots=True)
class Spread:
    """How hits are made to differ: the hits that are looked at, those that are kept, the weight of the difference."""

    pool: int
    k: int
    diversity: float


def spread(table: ArticleTable, lists: Sequence[list[Found]], how: Spread) -> list[list[Found]]:
    """Return hits of each list that differ; see `by_marginal_relevance`. Near-duplicates of better hits are left out.

    Relevance is the cosine to the query in a list by meaning, else the list's score on a scale from 0 to 1.
    """
    ids = list(dict.fromkeys(hit.row["id"] for hits in lists for hit in hits[: how.pool]))
    vectors = _vectors(table, ids)
    found = []
    for hits in lists:
        some = [hit for hit in hits[: how.pool] if hit.row["id"] in vectors]
        if some:
            own = np.stack([vectors[hit.row["id"]] for hit in some])
            kept = distinct(own)
            order = by_marginal_relevance(_relevance(some)[kept], own[kept], how.k, how.diversity)
            some = [some[kept[i]] for i in order]
        found.append(some)
    return found


def _relevance(hits: Sequence[Found]) -> F64:
    if all(hit.score is not None for hit in hits):
        return on_scale(np.array([hit.score for hit in hits], dtype=np.float64))
    if any(hit.score is not None for hit in hits):
        # Reranked hits, and those behind them, whose scores are of another kind: by their ranks.
        return on_scale(-np.arange(len(hits), dtype=np.float64))
    if all(hit.relevance is not None for hit in hits):
        return on_scale(np.array([hit.relevance for hit in hits], dtype=np.float64))
    return np.array([1 - (hit.dist or 0.0) for hit in hits], dtype=np.float64)


def _vectors(table: ArticleTable, ids: Sequence[str]) -> dict[str, F32]:
    """Return the unit vector (d,) of each row."""
    found: dict[str, F32] = {}
    for at in range(0, len(ids), 2_000):
        rows = table.rows_by_id(ids[at : at + 2_000], ["id", "vector"])
        for batch in rows.to_batches():
            matrix = as_matrix(batch.column("vector"), table.fingerprint.dimension)
            found |= dict(zip(batch.column("id").to_pylist(), matrix, strict=True))
    return found

"""Nearest articles of a table of chunks, each by its nearest chunk, by sorting and loops."""

from __future__ import annotations

from collections.abc import Sequence


def nearest_articles(dist: Sequence[float], articles: Sequence[str], k: int, without: str | None = None) -> list[int]:
    """Return the rows of the nearest chunks of the k nearest articles, by (dist, row)."""
    seen: set[str] = set()
    found = []
    for _, row in sorted((d, row) for row, d in enumerate(dist) if d == d):
        if articles[row] not in seen and articles[row] != without:
            seen.add(articles[row])
            found.append(row)
    return found[:k]

"""Why one question keeps what it keeps, in sentences, from its own figures."""

from __future__ import annotations

from collections.abc import Sequence

from vecindex.messages import percent
from vecindex.verbs.overlap.causes.verdicts import FAR_PERCENTILE
from vecindex.verbs.overlap.question import PlacedQuestion, QuestionRow

_RANKS = 5
"""Ranks of lost articles that are named."""


def these(k: int, by: str, ranker: str | None) -> str:
    """Return what a question's true neighbors are called.

    >>> these(5, "article", None), these(5, "chunk", "hybrid")
    ('5 nearest articles', 'first 5 hits by hybrid')
    """
    return f"{k} nearest {by}s" if ranker is None else f"first {k} hits by {ranker}"


def why(
    row: QuestionRow,
    k: int,
    by: str,
    the_map: str | None,
    for_these: bool,
    laid_out: Sequence[str] = (),
    ranker: str | None = None,
) -> tuple[str, ...]:
    """Return the reasons in the order in which they matter: the embedding first, then the map.

    Parameters
    ----------
    k, by : neighbors asked for, and what is counted: "article" or "chunk".
    the_map : the map that is judged; None without a map.
    for_these : it is laid out for the questions.
    laid_out : other maps that are laid out for the questions.
    ranker : whose hits stand for the nearest; None for the nearest by vectors.
    """
    placed = None if the_map is None else row.maps[the_map]["search"]
    kept = None if placed is None else round(k * placed.overlap)
    found = [] if kept is None else [f"It keeps {kept} of its {these(k, by, ranker)} on the map."]
    if row.in_space is not None:
        found.append(f"Of these hits {round(k * row.in_space)} are among its {k} nearest in embedding space.")
    else:
        found += _in_space(row, by)
    if placed is not None and kept is not None and kept < k:
        found += _on_map(row, placed, k, kept, for_these)
    for name in laid_out:
        there = round(k * row.maps[name]["search"].overlap)
        found.append(f'On the map "{name}", which is laid out for it, it keeps {there}.')
    return tuple(found)


def _in_space(row: QuestionRow, by: str) -> list[str]:
    found = []
    if row.nearest_percentile > FAR_PERCENTILE:
        found.append(
            f"It is farther from its nearest {by} than {percent(row.nearest_percentile / 100)} of the {by}s are from "
            "theirs: its topic is missing, or its wording is unlike theirs."
        )
    if row.answers_recall == 0:
        found.append(f"None of its right {by}s is among its nearest, so a map can only keep wrong ones.")
    return found


def _on_map(row: QuestionRow, placed: PlacedQuestion, k: int, kept: int, for_these: bool) -> list[str]:
    found = []
    if row.clique is not None and row.clique <= kept:
        some = f"{row.clique} of the {k} are" if row.clique > 1 else f"No two of the {k} are"
        neutral = "" if for_these else "; hardly more can lie around one spot of a map that is not laid out for it"
        found.append(f"{some} near to each other{neutral}.")
    elif row.clique is not None:
        found.append(
            f"{row.clique} of the {k} are near to each other and could lie around one spot: this map loses "
            f"{row.clique - kept} of them."
        )
    lost = [rank for rank in placed.target_ranks if rank is None or rank > k]
    near = sorted(rank for rank in lost if rank is not None)
    if near:
        named = ", ".join(str(rank) for rank in near[:_RANKS])
        found.append(f"Of those it loses, the map has {len(near)} at rank{'s' if len(near) > 1 else ''} {named}.")
    if len(near) < len(lost):
        far = len(lost) - len(near)
        found.append(f"{far} {'is' if far == 1 else 'are'} beyond the {placed.depth} nearest on the map.")
    return found

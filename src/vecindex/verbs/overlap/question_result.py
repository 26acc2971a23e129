"""What `overlap` found of each question, as plain frozen values. Of `dist`, lower is closer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Near:
    """A neighbor: rank from 1, and `dist` (cosine in embedding space, the map's unit on a map).

    Attributes
    ----------
    id : of the article; of the chunk where chunks are counted.
    chunk : id of the article's nearest chunk; None where what is counted is the row.
    """

    rank: int
    id: str
    title: str | None
    dist: float
    chunk: str | None = None


@dataclass(frozen=True, slots=True)
class QuestionOnMap:
    """One question on one map, placed by one rule.

    Attributes
    ----------
    target_ranks : rank on the map of each of its k nearest in embedding space; None beyond the `depth` nearest.
    neighbor_ranks : rank in embedding space of each of its `neighbors` on the map; None likewise.
    """

    x: float | None
    y: float | None
    overlap: float
    rank_weighted: float
    soft: dict[int, float]
    reciprocal: dict[int, float]
    topic_precision: float | None
    neighbors: tuple[Near, ...]
    depth: int
    target_ranks: tuple[int | None, ...]
    neighbor_ranks: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question: its neighbors in embedding space, and on each map under the map's name and the rule."""

    id: str
    text: str
    topic: str | None
    nearest_dist: float
    nearest_percentile: float
    answers_recall: float | None
    answers_reciprocal_rank: float | None
    topic_precision: float | None
    neighbors: tuple[Near, ...]
    maps: dict[str, dict[str, QuestionOnMap]]


def flat_rows(questions: Sequence[QuestionRow]) -> list[dict[str, Any]]:
    """Return a row for each question, map and rule (without a map, for each question), as plain values."""
    flat = []
    for row in questions:
        head = {
            "id": row.id,
            "question": row.text,
            "topic": row.topic,
            "nearest_dist": row.nearest_dist,
            "nearest_percentile": row.nearest_percentile,
            "answers_recall": row.answers_recall,
            "neighbors": " ".join(n.id for n in row.neighbors),
        }
        places = [(name, rule, found) for name, rules in row.maps.items() for rule, found in rules.items()]
        for name, rule, found in places:
            values = {f"soft_{depth}": value for depth, value in found.soft.items()}
            values |= {f"reciprocal_{depth}": value for depth, value in found.reciprocal.items()}
            flat.append(
                {
                    **head,
                    "map": name,
                    "placement": rule,
                    "x": found.x,
                    "y": found.y,
                    "overlap": found.overlap,
                    "rank_weighted": found.rank_weighted,
                    **values,
                    "map_neighbors": " ".join(n.id for n in found.neighbors),
                }
            )
        if not places:
            flat.append(head)
    return flat

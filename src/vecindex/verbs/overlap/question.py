"""What `overlap` found of one question, one kind of them or one ranker. Of `dist`, lower is closer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vecindex.core.nulls import Interval


@dataclass(frozen=True, slots=True)
class RankedNeighbor:
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
class PlacedQuestion:
    """One question on one map, placed by one rule.

    Attributes
    ----------
    target_ranks : rank on the map of each of its k nearest in embedding space; None beyond the `depth` nearest.
    neighbor_ranks : rank in embedding space of each of its `neighbors` on the map; None likewise.
    metrics : values of the metrics without a field of their own; None where one is not defined.
    """

    x: float | None
    y: float | None
    overlap: float
    rank_weighted: float
    soft: dict[int, float]
    reciprocal: dict[int, float]
    topic_precision: float | None
    neighbors: tuple[RankedNeighbor, ...]
    depth: int
    target_ranks: tuple[int | None, ...]
    neighbor_ranks: tuple[int | None, ...]
    metrics: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question: its neighbors in embedding space, and on each map under the map's name and the rule.

    `in_space` is the share of a ranker's first k that are among its k nearest by vectors; None without a ranker.
    `clique` is how many of its k nearest are near to each other, the largest set; see `causes.cliques`. `why` are the
    reasons for what it keeps on the map that is judged, in sentences; see `advice.why`.
    """

    id: str
    text: str
    topic: str | None
    nearest_dist: float
    nearest_percentile: float
    answers_recall: float | None
    answers_reciprocal_rank: float | None
    topic_precision: float | None
    neighbors: tuple[RankedNeighbor, ...]
    maps: dict[str, dict[str, PlacedQuestion]]
    clique: int | None = None
    in_space: float | None = None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KindOverlap:
    """The questions of one kind on one map, at their best positions.

    Attributes
    ----------
    kind : as the file of questions has it; the topic where no question has a kind.
    overlap, enough : as in `Placement`, over these questions.
    ceiling : the most to expect of these, as `MapOverlap.ceiling`; None where that is not known.
    """

    kind: str
    questions: int
    overlap: Interval
    enough: float
    ceiling: float | None


@dataclass(frozen=True, slots=True)
class RankedOnMap:
    """A ranker's hits on one map, at the best positions, next to the nearest by vectors.

    Attributes
    ----------
    by_meaning : overlap@k of the k nearest by vectors, each question placed for those.
    change : the ranker's overlap minus that, paired, with Student's interval.
    near_kept, far_kept : share of the hits that the map keeps, of those that are among the k nearest by vectors and
        of the others; None of none.
    lost_far : share of the hits that the map loses which are not among the k nearest by vectors; None of none.
    """

    by_meaning: Interval
    change: Interval
    near_kept: float | None
    far_kept: float | None
    lost_far: float | None


@dataclass(frozen=True, slots=True)
class RankedFacts:
    """A ranker whose hits stand for the true neighbors.

    Attributes
    ----------
    ranker : its name, as `search` and `evaluate` have it.
    in_space : share of its first k that are among the k nearest by vectors.
    short : questions with fewer than k hits; what is missing counts as lost.
    summary : these figures in words, next to the overlap of the nearest by vectors.
    note : which causes were not looked for, and why.
    """

    ranker: str
    in_space: Interval
    short: int
    summary: str
    note: str


def flat_rows(question: QuestionRow) -> list[dict[str, Any]]:
    """Return a row for each map and rule (without a map, one row), as plain values."""
    head = {
        "id": question.id,
        "question": question.text,
        "topic": question.topic,
        "nearest_dist": question.nearest_dist,
        "nearest_percentile": question.nearest_percentile,
        "answers_recall": question.answers_recall,
        "clique": question.clique,
        **({} if question.in_space is None else {"in_space": question.in_space}),
        "neighbors": " ".join(n.id for n in question.neighbors),
    }
    rows = [
        {
            **head,
            "map": name,
            "placement": rule,
            "x": placed.x,
            "y": placed.y,
            "overlap": placed.overlap,
            "rank_weighted": placed.rank_weighted,
            **{f"soft_{depth}": value for depth, value in placed.soft.items()},
            **{f"reciprocal_{depth}": value for depth, value in placed.reciprocal.items()},
            "map_neighbors": " ".join(n.id for n in placed.neighbors),
            **placed.metrics,
        }
        for name, rules in question.maps.items()
        for rule, placed in rules.items()
    ]
    return rows or [head]


def neighbor_rows(question: QuestionRow, the_map: str | None) -> list[dict[str, Any]]:
    """Return a row for each of the question's nearest, as plain values; with its rank on the map, where there is one.

    `kept` is whether it is among the k nearest there; `map_rank` is None beyond the `depth` nearest.
    """
    placed = None if the_map is None else question.maps[the_map]["search"]
    ranks = [None] * len(question.neighbors) if placed is None else placed.target_ranks
    return [
        {
            "question_id": question.id,
            "question": question.text,
            "rank": near.rank,
            "id": near.id,
            "title": near.title,
            "chunk": near.chunk,
            "dist": near.dist,
            "map": the_map,
            "map_rank": rank,
            "kept": None if placed is None else rank is not None and rank <= len(question.neighbors),
        }
        for near, rank in zip(question.neighbors, ranks, strict=True)
    ]

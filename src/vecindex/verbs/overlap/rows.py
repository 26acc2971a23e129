"""What `overlap` tells of each question: its neighbors in both spaces, with titles, and its own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.overlap import overlap_at_k, rank_weighted_overlap, reciprocal_overlap, soft_overlap
from vecindex.verbs.overlap.measure import Placed, Space
from vecindex.verbs.overlap.question_result import Near, QuestionOnMap, QuestionRow
from vecindex.verbs.overlap.space import answer_recall, percentiles, reciprocal_rank, topic_precision
from vecindex.verbs.reader import OverlapReader


def question_rows(
    reader: OverlapReader, space: Space, placed: Mapping[str, Sequence[Placed]]
) -> tuple[QuestionRow, ...]:
    """Return a row for each question, its placements under the maps' names."""
    k, near = space.k, space.near
    shown = [near.first(k), *(p.near.first(k) for both in placed.values() for p in both)]
    titles = reader.titles(np.concatenate([n.rows.ravel() for n in shown]))
    percentile = percentiles(near.dist[:, 0], space.sample_near.dist[:, 0])
    recall = answer_recall(space.counted(near.rows), space.answers, k)
    ranks = reciprocal_rank(space.counted(near.rows), space.answers)
    topics = _topics(space, near.rows)
    on_maps = {name: {p.rule: _on_map(reader, space, p, titles) for p in both} for name, both in placed.items()}
    return tuple(
        QuestionRow(
            id=question.id,
            text=question.text,
            topic=question.topic,
            nearest_dist=float(near.dist[i, 0]),
            nearest_percentile=float(percentile[i]),
            answers_recall=_known(recall[i]),
            answers_reciprocal_rank=_known(ranks[i]),
            topic_precision=_known(topics[i]),
            neighbors=_near(reader, near, i, k, titles),
            maps={name: {rule: found[i] for rule, found in rules.items()} for name, rules in on_maps.items()},
        )
        for i, question in enumerate(space.asked.questions)
    )


def _on_map(
    reader: OverlapReader, space: Space, placed: Placed, titles: dict[int, str | None]
) -> list[QuestionOnMap]:
    k, targets, found = space.k, space.counted(space.near.rows), space.counted(placed.near.rows)
    values = overlap_at_k(targets, found, k)
    weighted = rank_weighted_overlap(targets, found, k)
    softs = {depth: soft_overlap(targets, found, k, depth) for depth in space.withins}
    backs = {depth: reciprocal_overlap(targets, found, k, depth) for depth in space.withins}
    topics = _topics(space, placed.near.rows)
    return [
        QuestionOnMap(
            x=_known(x),
            y=_known(y),
            overlap=float(values[i]),
            rank_weighted=float(weighted[i]),
            soft={depth: float(v[i]) for depth, v in softs.items()},
            reciprocal={depth: float(v[i]) for depth, v in backs.items()},
            topic_precision=_known(topics[i]),
            neighbors=_near(reader, placed.near, i, k, titles),
            depth=placed.near.k,
            target_ranks=_ranks(targets[i, :k], found[i]),
            neighbor_ranks=_ranks(found[i, :k], targets[i]),
        )
        for i, (x, y) in enumerate(placed.xy)
    ]


def _near(reader: OverlapReader, near: Neighbors, i: int, k: int, titles: dict[int, str | None]) -> tuple[Near, ...]:
    found = []
    for rank, (row, dist) in enumerate(zip(near.rows[i, :k], near.dist[i, :k], strict=True), 1):
        if row != NO_ROW:
            name, chunk = reader.name(int(row))
            found.append(Near(rank, name, titles[int(row)], float(dist), chunk))
    return tuple(found)


def _ranks(these: Rows, others: Rows) -> tuple[int | None, ...]:
    """Return at which place of `others`, from 1, each of `these` stands; None where it does not."""
    places = {int(row): place for place, row in enumerate(others, 1) if row != NO_ROW}
    return tuple(places.get(int(row)) for row in these if row != NO_ROW)


def _topics(space: Space, rows: Rows) -> F64:
    if space.article_topics is None or space.asked.topics is None:
        return np.full(len(rows), np.nan)
    return topic_precision(rows, space.article_topics, space.asked.topics, space.k)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

"""What is reported of each question: its neighbors in both spaces, with titles and topics, and its own figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vecindex.core.conditions import isin
from vecindex.core.neighbors import NO_ROW, Neighbors, Rows
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.store.articles import ArticleTable
from vecindex.verbs.overlap.measure import Placed, Space, VectorsOf
from vecindex.verbs.overlap.metrics import further
from vecindex.verbs.overlap.question import PlacedQuestion, QuestionRow, RankedNeighbor
from vecindex.verbs.overlap.ranked.measure import hit_distances, in_space
from vecindex.verbs.overlap.space import answer_recall, known, percentiles, reciprocal_rank
from vecindex.verbs.reader import TableReader

DEFAULT_FIELD = "topic"


def question_rows(
    reader: TableReader, space: Space, placed: Mapping[str, Sequence[Placed]], vectors_of: VectorsOf
) -> tuple[QuestionRow, ...]:
    """Return a row for each question, its placements under the maps' names.

    `dist` of a neighbor in embedding space is the distance of the vectors, of a ranker's hit too.
    """
    k, near = space.k, space.near
    shown = [near.first(k), *(p.near.first(k) for both in placed.values() for p in both)]
    titles = reader.values(np.concatenate([n.rows.ravel() for n in shown]), "title")
    far = space.nearest.dist[:, 0]
    percentile = percentiles(far, space.sample_near.dist[:, 0])
    shares = None if space.meant is None else in_space(space)
    own = None if space.meant is None else hit_distances(space, vectors_of)
    recall = answer_recall(space.counted(near.rows), space.answers, k)
    ranks = reciprocal_rank(space.counted(near.rows), space.answers)
    topics = space.on_topic(near.rows)
    on_maps = {name: {p.rule: _on_map(reader, space, p, titles) for p in both} for name, both in placed.items()}
    return tuple(
        QuestionRow(
            id=question.id,
            text=question.text,
            topic=question.topic,
            nearest_dist=float(far[i]),
            nearest_percentile=float(percentile[i]),
            answers_recall=known(recall[i]),
            answers_reciprocal_rank=known(ranks[i]),
            topic_precision=known(topics[i]),
            neighbors=_ranked(reader, near if own is None else own, i, k, titles),
            maps={name: {rule: found[i] for rule, found in rules.items()} for name, rules in on_maps.items()},
            clique=None if space.cliques is None else int(space.cliques[i]),
            in_space=None if shares is None else float(shares[i]),
        )
        for i, question in enumerate(space.asked.questions)
    )


def _on_map(reader: TableReader, space: Space, placed: Placed, titles: dict[int, str | None]) -> list[PlacedQuestion]:
    k, lists, found = space.k, space.counted(placed.true.rows), space.counted(placed.near.rows)
    topics, values, more = space.on_topic(placed.near.rows), placed.values, further(placed.values)
    return [
        PlacedQuestion(
            x=known(x),
            y=known(y),
            overlap=float(values["overlap"][i]),
            rank_weighted=float(values["rank_weighted"][i]),
            soft={depth: float(values[f"soft@{depth}"][i]) for depth in space.withins},
            reciprocal={depth: float(values[f"reciprocal@{depth}"][i]) for depth in space.withins},
            topic_precision=known(topics[i]),
            neighbors=_ranked(reader, placed.near, i, k, titles),
            depth=placed.near.k,
            target_ranks=_ranks(lists[i, :k], found[i]),
            neighbor_ranks=_ranks(found[i, :k], lists[i]),
            metrics={name: known(of[i]) for name, of in more.items()},
        )
        for i, (x, y) in enumerate(placed.xy)
    ]


def _ranked(
    reader: TableReader, near: Neighbors, i: int, k: int, titles: dict[int, str | None]
) -> tuple[RankedNeighbor, ...]:
    found = []
    for rank, (row, dist) in enumerate(zip(near.rows[i, :k], near.dist[i, :k], strict=True), 1):
        if row != NO_ROW:
            name, chunk = reader.name(int(row))
            found.append(RankedNeighbor(rank, name, titles[int(row)], float(dist), chunk))
    return tuple(found)


def _ranks(these: Rows, others: Rows) -> tuple[int | None, ...]:
    """Return the rank in `others`, from 1, of each of `these`; None where it is not among them."""
    ranks = {int(row): rank for rank, row in enumerate(others, 1) if row != NO_ROW}
    return tuple(ranks.get(int(row)) for row in these if row != NO_ROW)


def topic_column(table: ArticleTable, field: str | None) -> Any:
    """Return the column (an Arrow field) with the articles' topics; None where there is none and none was named.

    Raises ConfigError when the one that was named is not there, or holds lists.
    """
    import pyarrow as pa

    columns = {f.name: f for f in table.extra_columns}
    found = columns.get(field or DEFAULT_FIELD)
    if found is not None and not pa.types.is_nested(found.type):
        return found
    if field is None:
        return None
    raise ConfigError(
        f"{table.where} has no column {field!r} with one topic for each article "
        f"(columns there: {', '.join(columns) or 'none'}).",
        text("Name another: ", option("topic_field", Placeholder("NAME"))),
    )


def article_topics(
    reader: TableReader, column: Any, space: Space, lists: Sequence[Neighbors]
) -> dict[int, str | None] | None:
    """Return the topics of the k nearest in the lists, under their rows; None where there is no column.

    None as well where no article of the table has a topic of any question: the two go by different words.
    """
    import pyarrow as pa

    asked = sorted({t for t in space.asked.topics or [] if t is not None})
    if column is None or not asked:
        return None
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if is_text and not reader.table.count(isin(f"`{column.name}`", asked)):
        return None
    found = reader.values(np.concatenate([near.rows[:, : space.k].ravel() for near in lists]), column.name)
    return {row: None if value is None else str(value) for row, value in found.items()}

"""The topics of articles, held against those of the questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.core.neighbors import Neighbors
from vecindex.errors import ConfigError
from vecindex.store.articles import ArticleTable, isin
from vecindex.verbs.overlap.measure import Space
from vecindex.verbs.reader import OverlapReader

DEFAULT_FIELD = "topic"


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
        "Name another: --topic-field NAME",
    )


def article_topics(
    reader: OverlapReader, column: Any, space: Space, lists: Sequence[Neighbors]
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

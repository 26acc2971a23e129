"""The topics of a map as columns of an export: each row's name on the coarsest level, and on the finest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.picture.options import MapOptions
from vecindex.verbs.picture.picture import map_picture
from vecindex.verbs.questions.model import QuestionModel

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TopicColumns:
    """Columns of names of topics, null for a row that is not on the map.

    Attributes
    ----------
    names : of the columns.
    of : the number of each row on the map, by its id.
    topics : for each column, the name of each such row.
    """

    names: tuple[str, ...]
    of: dict[str, int]
    topics: tuple[tuple[str | None, ...], ...]

    def added(self, batch: pa.RecordBatch, ids: pa.Array) -> pa.RecordBatch:
        """Return a batch with these columns behind its own; `ids` are those of its rows."""
        import pyarrow as pa

        rows = [self.of.get(key) for key in ids.to_pylist()]
        for name, topics in zip(self.names, self.topics, strict=True):
            found = [None if row is None else topics[row] for row in rows]
            batch = batch.append_column(name, pa.array(found, pa.string()))
        return batch


def topic_columns(
    database: Database,
    table: ArticleTable,
    options: MapOptions,
    observer: Observer,
    taken: tuple[str, ...],
) -> TopicColumns:
    """Return the columns NAME_topic and NAME_topic_fine, with the names that `Index.map` shows.

    `taken` are names that the file has already: ours get an underscore then. Of one level alone there is no second
    column.
    """
    options = {**options, "snippet": 0, "lens_size": 0, "fields": None}
    result = map_picture(database, table.name, None, options, QuestionModel(), observer, table=table, for_page=False)
    picture = result.picture
    for note in result.notes:
        observer.notice(note)
    chosen = picture.topic_levels[:1] + picture.topic_levels[1:][-1:]
    names: list[str] = []
    for ending in ("topic", "topic_fine")[: len(chosen)]:
        name = f"{picture.map}_{ending}"
        while name in taken:
            name += "_"
        names.append(name)
    topics = tuple(
        tuple(None if topic < 0 else level.names[topic] for topic in level.which.tolist()) for level in chosen
    )
    return TopicColumns(tuple(names), {key: row for row, key in enumerate(picture.ids)}, topics)
